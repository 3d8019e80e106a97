//! The files of the model that a server loads.

use std::path::{Path, PathBuf};

use crate::error::Result;

/// Returns the path of a model: of a file or folder, or of one that is downloaded by its name. `None`
/// if the text is only a name that the server knows.
///
/// # Errors
/// If it cannot be downloaded.
pub(crate) fn path(model: &str) -> Result<Option<PathBuf>> {
    let path = PathBuf::from(model);
    match !model.is_empty() && path.exists() {
        true => Ok(Some(path)),
        false => downloaded(model),
    }
}

#[cfg(feature = "inference")]
fn downloaded(model: &str) -> Result<Option<PathBuf>> {
    if model != crate::run::SMOLLM2.name && !model.starts_with("hf:") {
        return Ok(None);
    }
    located(model).map(Some)
}

/// Returns the path of a model that this program can run, and downloads it if necessary.
///
/// # Errors
/// If there is no such model, or it cannot be downloaded.
#[cfg(feature = "inference")]
pub(crate) fn located(model: &str) -> Result<PathBuf> {
    use crate::error::Error;

    let path = crate::run::model_path(model, &mut |_| ());
    path.map_err(|error| match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => Error::Model(format!("{error:#}")),
    })
}

#[cfg(not(feature = "inference"))]
fn downloaded(_model: &str) -> Result<Option<PathBuf>> {
    Ok(None)
}

/// Returns the name that the model's files state, which all engines store: a server's own name for
/// the model is often a path.
#[cfg(feature = "inference")]
pub(crate) fn stated_name(path: &Path) -> Option<String> {
    let name = energy_models::Checkpoint::open(path).ok()?.summary().name;
    Some(name).filter(|name| !name.is_empty())
}

#[cfg(not(feature = "inference"))]
pub(crate) fn stated_name(_path: &Path) -> Option<String> {
    None
}

/// Returns the checksum of a model's files.
///
/// # Errors
/// If one cannot be read.
#[cfg(feature = "inference")]
pub(crate) fn checksum(path: &Path) -> Result<String> {
    crate::run::model_checksum(path)
}

#[cfg(not(feature = "inference"))]
pub(crate) fn checksum(path: &Path) -> Result<String> {
    crate::checksum::sha256(path)
}
