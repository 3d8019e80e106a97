//! Models of the Hugging Face hub: `hf:owner/repo[@revision][/file]`, kept in the hub's
//! cache.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use hf_hub::api::sync::{ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};

use crate::error::{Error, Result};

/// Prefix of models on the hub.
const PREFIX: &str = "hf:";
/// Default revision.
const MAIN: &str = "main";
/// Required and optional files of a folder with safetensors.
const NEEDED: [&str; 2] = ["config.json", "tokenizer.json"];
const OPTIONAL: [&str; 3] = [
    "tokenizer_config.json",
    "generation_config.json",
    "chat_template.jinja",
];
const INDEX: &str = "model.safetensors.index.json";

/// A model on the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HubModel {
    repo: String,
    revision: String,
    file: Option<String>,
}

impl HubModel {
    /// Parses `hf:owner/repo` or `hf:owner/repo/file`, with an optional `@revision` after the
    /// repository. Returns `None` for names without the prefix.
    ///
    /// # Errors
    /// If a name with the prefix is invalid.
    pub(super) fn parse(name: &str) -> Option<Result<Self>> {
        let rest = name.strip_prefix(PREFIX)?;
        let mut parts = rest.splitn(3, '/');
        let (owner, repo, file) = (parts.next(), parts.next(), parts.next());
        let (owner, repo) = (owner.unwrap_or_default(), repo.unwrap_or_default());
        let (repo, revision) = repo.split_once('@').unwrap_or((repo, MAIN));
        let is_whole = |text: &str| !text.is_empty() && !text.contains("..");
        if ![owner, repo, revision].into_iter().all(is_whole) || !file.is_none_or(is_whole) {
            let text =
                format!("model {name}: invalid name; write hf:OWNER/REPO or hf:OWNER/REPO/FILE");
            return Some(Err(Error::Model(text)));
        }
        Some(Ok(Self {
            repo: format!("{owner}/{repo}"),
            revision: revision.to_owned(),
            file: file.map(str::to_owned),
        }))
    }

    fn name(&self) -> String {
        match self.revision.as_str() {
            MAIN => format!("{PREFIX}{}", self.repo),
            revision => format!("{PREFIX}{}@{revision}", self.repo),
        }
    }

    /// Returns the path of the file or folder. Files missing in the cache are downloaded.
    ///
    /// # Errors
    /// If the hub does not have it or cannot be reached.
    pub(super) fn path(&self) -> Result<PathBuf> {
        let repo = self.repo()?;
        match &self.file {
            Some(file) => self.get_parts(&repo, file),
            None => self.cached().map_or_else(|| self.whole(&repo), Ok),
        }
    }

    fn id(&self) -> Repo {
        Repo::with_revision(self.repo.clone(), RepoType::Model, self.revision.clone())
    }

    fn repo(&self) -> Result<ApiRepo> {
        let builder = ApiBuilder::from_env().with_progress(std::io::stderr().is_terminal());
        let api = builder.build().map_err(|error| self.failed(&error))?;
        Ok(api.repo(self.id()))
    }

    /// Returns the folder if the cache contains all of its files.
    fn cached(&self) -> Option<PathBuf> {
        let folder = self.cached_folder()?;
        folder.missing.is_none().then_some(folder.path)
    }

    /// Returns the folder if the cache contains its settings; other files may be missing.
    fn cached_folder(&self) -> Option<CachedModel> {
        let cache = Cache::from_env().repo(self.id());
        let folder = cache.get(NEEDED[0])?.parent()?.to_owned();
        let mut needed: Vec<String> = NEEDED.map(str::to_owned).to_vec();
        // A damaged index is reported when the model is opened.
        let parts = |index: PathBuf| shards(&std::fs::read(index).ok()?);
        match cache.get(INDEX).map(parts) {
            Some(parts) => needed.extend(parts.into_iter().flatten()),
            None => needed.push("model.safetensors".to_owned()),
        }
        let missing = needed.into_iter().find(|file| cache.get(file).is_none());
        Some(CachedModel {
            name: self.name(),
            path: folder,
            missing,
        })
    }

    /// Returns the GGUF files of the revision in the cache's folder of the repository; of a model in
    /// parts the first one that is there.
    fn cached_gguf(&self, folder: &Path) -> Vec<CachedModel> {
        let commit = std::fs::read_to_string(folder.join("refs").join(&self.revision));
        let Ok(commit) = commit else {
            return Vec::new();
        };
        let files = std::fs::read_dir(folder.join("snapshots").join(commit.trim()));
        let files = files.into_iter().flatten().flatten();
        let files = files.map(|file| file.path()).filter(|path| {
            let is_gguf = path.extension().is_some_and(|end| end == "gguf");
            let mut parts = energy_models::parts(path).into_iter();
            is_gguf && parts.find(|part| part.exists()).as_ref() == Some(path)
        });
        let named = |path: PathBuf| {
            let file = path.file_name()?.to_str()?.to_owned();
            let mut parts = energy_models::parts(&path).into_iter();
            let missing = parts.find(|part| !part.exists());
            let missing = missing.as_deref().and_then(Path::file_name);
            Some(CachedModel {
                name: format!("{}/{file}", self.name()),
                missing: missing.map(|file| file.to_string_lossy().into_owned()),
                path,
            })
        };
        files.filter_map(named).collect()
    }

    /// Downloads the folder, or the only GGUF file of a repository.
    fn whole(&self, repo: &ApiRepo) -> Result<PathBuf> {
        let info = repo.info().map_err(|error| self.failed(&error))?;
        let files: Vec<String> = info
            .siblings
            .into_iter()
            .map(|file| file.rfilename)
            .collect();
        let has = |file: &str| files.iter().any(|known| known == file);
        let ends = |end: &'static str| files.iter().filter(move |file| file.ends_with(end));
        // File names on the hub become paths: they must not leave the folder.
        let is_plain = |file: &&String| !file.contains(['/', '\\']);
        let weights: Vec<&String> = ends(".safetensors").filter(is_plain).collect();
        if NEEDED.into_iter().all(has) && !weights.is_empty() {
            let config = self.get(repo, NEEDED[0])?;
            let settings = NEEDED.iter().chain(&OPTIONAL).chain([&INDEX]);
            for file in settings.copied().filter(|file| has(file)) {
                self.get(repo, file)?;
            }
            for file in weights {
                self.get(repo, file)?;
            }
            return Ok(config.parent().map(PathBuf::from).unwrap_or_default());
        }
        // Parts of one model count as one file.
        let is_first = |file: &&String| {
            let parts = energy_models::parts(Path::new(file));
            parts.first().is_some_and(|first| first == Path::new(file))
        };
        let gguf: Vec<&String> = ends(".gguf").filter(is_first).collect();
        match gguf.as_slice() {
            [] => Err(Error::Model(format!(
                "model {}: has neither a GGUF file nor {}, {} and safetensors; choose another repository",
                self.name(),
                NEEDED[0],
                NEEDED[1],
            ))),
            [one] => self.get_parts(repo, one),
            several => {
                let names: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
                Err(Error::Model(format!(
                    "model {}: has several GGUF files; name one, such as {0}/{}: {}",
                    self.name(),
                    names[0],
                    names.join(", ")
                )))
            }
        }
    }

    /// Downloads a file and, if it is a part of a model, all others; returns the path of the
    /// file.
    fn get_parts(&self, repo: &ApiRepo, file: &str) -> Result<PathBuf> {
        for part in energy_models::parts(Path::new(file)) {
            if let Some(part) = part.to_str().filter(|part| *part != file) {
                self.get(repo, part)?;
            }
        }
        self.get(repo, file)
    }

    fn get(&self, repo: &ApiRepo, file: &str) -> Result<PathBuf> {
        if file
            .split(['/', '\\'])
            .any(|part| matches!(part, "" | "." | ".."))
        {
            return Err(Error::Model(format!(
                "model {}: {file} is not a valid path",
                self.name()
            )));
        }
        repo.get(file)
            .map_err(|error| self.failed_at(&format!("/{file}"), &error))
    }

    fn failed(&self, error: &ApiError) -> Error {
        self.failed_at("", error)
    }

    fn failed_at(&self, file: &str, error: &ApiError) -> Error {
        let text = error.to_string();
        let (what, next) = match text.as_str() {
            _ if text.contains("404") => (
                "does not exist".to_owned(),
                "check the name on the hub's site",
            ),
            _ if text.contains("401") || text.contains("403") => (
                "is not public".to_owned(),
                "check the name, accept its terms on the hub's site, and log in or write a token \
                 to the file $HF_HOME/token",
            ),
            _ => (
                format!("download failed: {text}"),
                "check the connection and HF_ENDPOINT, or give a GGUF file or a folder with --model PATH",
            ),
        };
        Error::Model(format!("model {}{file}: {what}; {next}", self.name()))
    }
}

/// A model in the hub's cache.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CachedModel {
    /// Value for `--model`.
    pub(crate) name: String,
    /// GGUF file, or folder.
    pub(crate) path: PathBuf,
    /// A file that it needs and the cache does not contain.
    pub(crate) missing: Option<String>,
}

/// Returns the models of the hub's cache: folders and GGUF files.
pub(crate) fn cached_models() -> Vec<CachedModel> {
    let Ok(entries) = std::fs::read_dir(Cache::from_env().path()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let repo = name.to_str().and_then(|name| name.strip_prefix("models--"));
        let Some(repo) = repo.map(|repo| repo.replacen("--", "/", 1)) else {
            continue;
        };
        let Some(Ok(model)) = HubModel::parse(&format!("{PREFIX}{repo}")) else {
            continue;
        };
        let files = model.cached_gguf(&entry.path());
        // Repositories of GGUF files have settings, too, but no safetensors.
        let folder = model.cached_folder();
        found.extend(folder.filter(|folder| folder.missing.is_none() || files.is_empty()));
        found.extend(files);
    }
    found.sort();
    found
}

/// Returns the files named by an index.
fn shards(index: &[u8]) -> Option<Vec<String>> {
    let index: serde_json::Value = serde_json::from_slice(index).ok()?;
    let files = index.get("weight_map")?.as_object()?.values();
    files.map(|file| Some(file.as_str()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(name: &str) -> (String, String, Option<String>) {
        let HubModel {
            repo,
            revision,
            file,
        } = HubModel::parse(name).expect("of a hub").expect("whole");
        (repo, revision, file)
    }

    #[test]
    fn hub_names_are_parsed_and_others_are_not() {
        let of = |repo: &str, revision: &str, file: Option<&str>| {
            (
                repo.to_owned(),
                revision.to_owned(),
                file.map(str::to_owned),
            )
        };
        assert_eq!(parsed("hf:a/b"), of("a/b", "main", None));
        assert_eq!(
            parsed("hf:a/b@v1/q/x.gguf"),
            of("a/b", "v1", Some("q/x.gguf"))
        );
        assert!(HubModel::parse("smollm2").is_none());
        for wrong in [
            "hf:",
            "hf:a",
            "hf:a/",
            "hf:/b",
            "hf:a/b@",
            "hf:a/b/",
            "hf:a/b/../x",
            "hf:../b",
        ] {
            assert!(
                HubModel::parse(wrong).expect("of a hub").is_err(),
                "{wrong}"
            );
        }
    }
}
