//! Models in a folder: GGUF files, and folders with safetensors.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Depth of folders that are searched.
const DEPTH: usize = 4;
/// Number of models that are found at most.
const MOST: usize = 1000;

/// Which links are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// All: the user names the folder.
    #[cfg_attr(not(feature = "inference"), allow(dead_code))]
    All,
    /// Those that stay in the folder: clients of the server must not read other files.
    #[cfg_attr(not(feature = "serve"), allow(dead_code))]
    Inside,
}

/// Returns the models in a folder and below it in alphabetical order; of a model in parts the first, and
/// a folder with safetensors itself. Pipes and devices are no models. A folder that several links lead to
/// is searched once.
pub(crate) fn models_below(root: &Path, links: Links) -> Vec<PathBuf> {
    let Ok(real) = root.canonicalize() else {
        return Vec::new();
    };
    let mut search = Search {
        root: real,
        links,
        visited: BTreeSet::new(),
        found: Vec::new(),
    };
    search.folder(root, DEPTH);
    search.found.sort();
    search.found
}

struct Search {
    /// The folder without links.
    root: PathBuf,
    links: Links,
    /// Searched folders, without links.
    visited: BTreeSet<PathBuf>,
    found: Vec<PathBuf>,
}

impl Search {
    fn folder(&mut self, folder: &Path, depth: usize) {
        let Some(real) = self.permitted(folder) else {
            return;
        };
        if !self.visited.insert(real) {
            return;
        }
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut entries: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        entries.sort();
        if is_model(folder, &entries) {
            self.found.push(folder.to_owned());
        }
        // Folders by their own names first, so that links do not hide them.
        let (folders, files): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|path| path.is_dir());
        let (links, folders): (Vec<_>, Vec<_>) =
            folders.into_iter().partition(|path| path.is_symlink());
        let is_file = |path: &PathBuf| is_first_gguf(path) && self.permitted(path).is_some();
        let files: Vec<PathBuf> = files.into_iter().filter(is_file).collect();
        self.found.extend(files);
        for folder in folders.into_iter().chain(links) {
            if depth > 1 && self.found.len() < MOST {
                self.folder(&folder, depth - 1);
            }
        }
        self.found.truncate(MOST);
    }

    /// Returns the path without links, if it may be read.
    fn permitted(&self, path: &Path) -> Option<PathBuf> {
        let real = path.canonicalize().ok()?;
        (self.links == Links::All || real.starts_with(&self.root)).then_some(real)
    }
}

/// Returns whether a folder holds one model in safetensors.
fn is_model(folder: &Path, entries: &[PathBuf]) -> bool {
    let is_weights =
        |path: &PathBuf| path.extension().is_some_and(|end| end == "safetensors") && path.is_file();
    folder.join("config.json").is_file() && entries.iter().any(is_weights)
}

/// Returns whether a file is a GGUF file, and the first of a model in parts.
fn is_first_gguf(path: &Path) -> bool {
    let is_gguf = path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("gguf"));
    let parts = parts_of(path);
    is_gguf && path.is_file() && parts.first().is_some_and(|first| first == path)
}

/// Returns the files of the model that a file belongs to.
#[cfg(feature = "inference")]
pub(crate) fn parts_of(path: &Path) -> Vec<PathBuf> {
    energy_models::parts(path)
}

/// Returns the file: a program without inference lists models, but runs none.
#[cfg(not(feature = "inference"))]
pub(crate) fn parts_of(path: &Path) -> Vec<PathBuf> {
    vec![path.to_owned()]
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_once_and_not_out_of_a_folder_that_is_served() {
        let (outside, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = folder.path();
        std::fs::write(outside.path().join("far.gguf"), "GGUF").unwrap();
        std::fs::create_dir_all(root.join("a/hf")).unwrap();
        for file in [
            "b.gguf",
            "a/c.GGUF",
            "a/hf/model.safetensors",
            "a/hf/config.json",
            "note.txt",
        ] {
            std::fs::write(root.join(file), "{}").unwrap();
        }
        symlink(outside.path().join("far.gguf"), root.join("link.gguf")).unwrap();
        symlink(outside.path(), root.join("links")).unwrap();
        symlink(root, root.join("a/loop")).unwrap();
        symlink(root.join("a"), root.join("again")).unwrap();
        let pipe = std::process::Command::new("mkfifo")
            .arg(root.join("pipe.gguf"))
            .status();
        assert!(pipe.unwrap().success());
        let names = |links| -> Vec<String> {
            let found = models_below(root, links).into_iter();
            let below = found.map(|path| path.strip_prefix(root).unwrap().display().to_string());
            below.collect()
        };
        let inside = ["a/c.GGUF", "a/hf", "b.gguf"];
        assert_eq!(names(Links::Inside), inside);
        let all = [&inside[..], &["link.gguf", "links/far.gguf"]].concat();
        assert_eq!(names(Links::All), all);
    }
}
