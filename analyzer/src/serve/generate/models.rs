//! Models that clients may run: known names, and files of one folder.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::gguf;
use crate::run::model_folder::{Links, models_below, parts_of};
use crate::run::{Fetch, SMOLLM2};

/// Origin of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ModelOrigin {
    /// Downloaded from a Python package
    Package,
    /// Downloaded from the Hugging Face hub
    #[cfg_attr(not(feature = "inference"), allow(dead_code))]
    Hub,
    /// In the folder `--models`
    Folder,
}

/// A model that can be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct ModelEntry {
    /// Value of `model`
    pub(super) id: String,
    /// Value of `modelPath`: the same as `id`
    pub(super) path: String,
    /// Name to show
    pub(super) name: String,
    /// Size of its weights in bytes
    pub(super) size_bytes: Option<u64>,
    /// Architecture, such as `llama`
    pub(super) architecture: Option<String>,
    /// Number format of most weights, such as `q4_1`
    pub(super) precision: Option<String>,
    /// Whether the files are on this machine; else they are downloaded at the first use
    pub(super) is_cached: bool,
    /// Origin
    pub(super) origin: ModelOrigin,
    /// Value for `energy run --model`.
    #[serde(skip)]
    pub(super) argument: String,
}

impl ModelEntry {
    /// Returns the same model with another id.
    fn with_id(self, id: String) -> Self {
        Self {
            path: id.clone(),
            id,
            ..self
        }
    }
}

/// Lists models: known names first, then files and folders below `folder`.
pub(super) fn list(folder: Option<&Path>) -> Vec<ModelEntry> {
    let mut all = vec![package()];
    all.extend(hub());
    if let Some(root) = folder.and_then(|folder| folder.canonicalize().ok()) {
        let mut found: Vec<ModelEntry> = models_below(&root, Links::Inside)
            .into_iter()
            .filter_map(|path| {
                let id = path.strip_prefix(&root).ok()?.to_str()?.replace('\\', "/");
                // The folder itself has no name below itself.
                Some(read(&path).filter(|_| !id.is_empty())?.with_id(id))
            })
            .collect();
        found.sort_by(|one, other| one.id.cmp(&other.id));
        // A known name has precedence over a file of this name.
        found.retain(|model| all.iter().all(|known| known.id != model.id));
        all.extend(found);
    }
    all
}

/// Finds a model by its id.
pub(super) fn find(id: &str, folder: Option<&Path>) -> Option<ModelEntry> {
    list(folder).into_iter().find(|model| model.id == id)
}

fn package() -> ModelEntry {
    let path = Fetch::for_user().map(|fetch| fetch.cache.join(SMOLLM2.file));
    let size = |path: PathBuf| Some(std::fs::metadata(path).ok()?.len());
    ModelEntry {
        id: SMOLLM2.name.to_owned(),
        path: SMOLLM2.name.to_owned(),
        name: "SmolLM2 135M Instruct".to_owned(),
        size_bytes: Some(SMOLLM2.bytes),
        architecture: Some("llama".to_owned()),
        precision: Some("q4_1".to_owned()),
        is_cached: path.ok().and_then(size) == Some(SMOLLM2.bytes),
        origin: ModelOrigin::Package,
        argument: SMOLLM2.name.to_owned(),
    }
}

#[cfg(feature = "inference")]
fn hub() -> Vec<ModelEntry> {
    let entry = |cached: crate::run::CachedModel| {
        let id = cached.name;
        let mut model = read(&cached.path)?;
        model.origin = ModelOrigin::Hub;
        model.name = id.trim_start_matches("hf:").to_owned();
        model.argument = id.clone();
        model.is_cached = cached.missing.is_none();
        Some(model.with_id(id))
    };
    crate::run::cached_models()
        .into_iter()
        .filter_map(entry)
        .collect()
}

#[cfg(not(feature = "inference"))]
fn hub() -> Vec<ModelEntry> {
    Vec::new()
}

/// Describes a model in GGUF files by its first, or a folder with safetensors; `None` for others.
fn read(path: &Path) -> Option<ModelEntry> {
    let real = path.canonicalize().ok()?;
    let name = path.file_name()?.to_str()?.to_owned();
    let entry = |size_bytes, architecture, precision| ModelEntry {
        id: name.clone(),
        path: name.clone(),
        name: name.clone(),
        size_bytes,
        architecture,
        precision,
        is_cached: true,
        origin: ModelOrigin::Folder,
        argument: real.display().to_string(),
    };
    if real.is_dir() {
        let config = real.join("config.json");
        let config = config.is_file().then(|| std::fs::read(config).ok())??;
        let size = weights(&real)?;
        let config: Value = serde_json::from_slice(&config).unwrap_or_default();
        let text = |key: &str| config.get(key)?.as_str().map(str::to_owned);
        let precision = text("torch_dtype").or_else(|| text("dtype"));
        return Some(entry(Some(size), text("model_type"), precision));
    }
    let head = gguf::read(&real).unwrap_or_default();
    let parts = parts_of(path);
    let sizes = parts
        .iter()
        .map(|part| Some(std::fs::metadata(part).ok()?.len()));
    Some(entry(sizes.sum(), head.architecture, head.precision))
}

/// Returns the bytes of a folder's safetensors; `None` if there are none.
fn weights(folder: &Path) -> Option<u64> {
    let files = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    let weights = files.filter(|path| path.extension().is_some_and(|end| end == "safetensors"));
    // Follows the links of the hub's cache.
    let sizes: Vec<u64> = weights
        .filter_map(|path| Some(std::fs::metadata(path).ok()?.len()))
        .collect();
    (!sizes.is_empty()).then(|| sizes.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_found_below_the_folder_and_links_out_of_it_are_not() {
        let (outside, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = folder.path();
        std::fs::write(outside.path().join("secret.gguf"), "GGUF").unwrap();
        std::fs::create_dir_all(root.join("a/hf")).unwrap();
        for file in [
            "b.gguf",
            "p-00001-of-00002.gguf",
            "p-00002-of-00002.gguf",
            "a/c.GGUF",
            "a/hf/model.safetensors",
            "smollm2",
            "note.txt",
        ] {
            std::fs::write(root.join(file), "12345").unwrap();
        }
        let config = r#"{"model_type": "llama", "torch_dtype": "bfloat16"}"#;
        std::fs::write(root.join("a/hf/config.json"), config).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::symlink;
            symlink(outside.path().join("secret.gguf"), root.join("link.gguf")).unwrap();
            symlink(outside.path(), root.join("links")).unwrap();
            symlink(root, root.join("a/loop")).unwrap();
            symlink(root.join("b.gguf"), root.join("inside.gguf")).unwrap();
        }
        let ids: Vec<String> = list(Some(root))
            .into_iter()
            .filter(|model| model.origin == ModelOrigin::Folder)
            .map(|model| model.id)
            .collect();
        let is_plain = |id: &&String| !id.contains("loop");
        let plain: Vec<&String> = ids.iter().filter(is_plain).collect();
        let links: &[&str] = if cfg!(unix) { &["inside.gguf"] } else { &[] };
        let parts: &[&str] = match cfg!(feature = "inference") {
            true => &["p-00001-of-00002.gguf"],
            false => &["p-00001-of-00002.gguf", "p-00002-of-00002.gguf"],
        };
        let expected = [&["a/c.GGUF", "a/hf", "b.gguf"], links, parts].concat();
        assert_eq!(plain, expected);
        if cfg!(feature = "inference") {
            let in_parts = find("p-00001-of-00002.gguf", Some(root)).unwrap();
            assert_eq!(in_parts.size_bytes, Some(10));
        }
        let hf = find("a/hf", Some(root)).unwrap();
        assert_eq!(hf.architecture.as_deref(), Some("llama"));
        assert_eq!(
            (hf.size_bytes, hf.precision.as_deref()),
            (Some(5), Some("bfloat16"))
        );
        for id in [
            "../b.gguf",
            "a/../b.gguf",
            "link.gguf",
            "/etc/passwd",
            "",
            "B.GGUF",
        ] {
            assert_eq!(find(id, Some(root)), None, "{id}");
        }
        assert_eq!(find(SMOLLM2.name, None).unwrap().argument, SMOLLM2.name);
        assert!(
            list(Some(Path::new("/no/such/folder")))
                .iter()
                .all(|model| model.origin != ModelOrigin::Folder)
        );
    }
}
