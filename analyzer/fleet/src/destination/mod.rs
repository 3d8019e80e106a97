//! Where packs are: a folder, or a bucket of an object store.

#[cfg(feature = "buckets")]
mod buckets;
mod folder;
mod object;

use std::path::Path;

use crate::error::{Error, Result};

pub use folder::FolderDestination;
pub use object::{Destination, ObjectEntry, PutOutcome};

/// Opens a destination: `s3://`, `gs://` or `az://`, else a folder, which need not exist.
///
/// # Errors
/// If the URL is invalid, or this build has no object stores.
pub fn destination(text: &str) -> Result<Box<dyn Destination>> {
    let is_bucket = ["s3://", "gs://", "az://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    if is_bucket {
        return bucket(text);
    }
    if text.contains("://") {
        return Err(Error::Request(format!(
            "destination {text} is unknown; give a folder, or a URL that begins with s3://, gs:// \
             or az://"
        )));
    }
    Ok(Box::new(FolderDestination::new(Path::new(text))?))
}

#[cfg(feature = "buckets")]
fn bucket(text: &str) -> Result<Box<dyn Destination>> {
    Ok(Box::new(buckets::BucketDestination::new(text)?))
}

#[cfg(not(feature = "buckets"))]
fn bucket(text: &str) -> Result<Box<dyn Destination>> {
    Err(Error::Request(format!(
        "destination {text}: this build has no object stores; install one that has: cargo install \
         energy-analyzer --features buckets, or give a folder"
    )))
}
