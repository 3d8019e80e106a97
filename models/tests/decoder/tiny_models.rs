//! Models with random weights, loaded from files that exist only while they load.

use std::path::{Path, PathBuf};

use energy_models::tiny::{self, TinyConfig};
use energy_models::{Depth, LoadOptions, Model, Requantize};

/// Writes a file named by the type of its weights.
pub(crate) fn tiny_file(folder: &Path, config: &TinyConfig) -> PathBuf {
    let path = folder.join(format!("{:?}.gguf", config.dtype));
    tiny::write_gguf(&path, config).unwrap();
    path
}

pub(crate) fn load(path: &Path, requantize: Requantize, depth: Depth) -> Model {
    let options = LoadOptions {
        requantize,
        depth,
        ..Default::default()
    };
    Model::load(path, &options).unwrap()
}

/// Writes and loads a model.
pub(crate) fn tiny_model(config: &TinyConfig, depth: Depth) -> Model {
    let folder = tempfile::tempdir().unwrap();
    load(&tiny_file(folder.path(), config), Requantize::Auto, depth)
}
