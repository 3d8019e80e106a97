//! A bucket of an object store. Credentials are those of its usual environment variables.
//!
//! Requests that fail for a moment (429, 500, 503) are repeated with a back-off by the library.

use std::time::{Duration, SystemTime};

use futures_util::TryStreamExt as _;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::{Path, PathPart};
use object_store::{
    BackoffConfig, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, RetryConfig,
};
use tokio::runtime::{Builder, Runtime};

use super::object::{Destination, ObjectEntry, PutOutcome, existing, is_below_root, is_object};
use crate::error::{Error, Result};

/// Requests until a failure is reported.
const RETRIES: usize = 8;
/// Longest time of all attempts of one request.
const TIMEOUT: Duration = Duration::from_secs(180);

/// A bucket, with the prefix of its objects.
#[derive(Debug)]
pub(super) struct BucketDestination {
    store: Box<dyn ObjectStore>,
    runtime: Runtime,
    prefix: Path,
    root: String,
}

impl BucketDestination {
    /// Opens a bucket by its URL; nothing is sent yet.
    ///
    /// # Errors
    /// If the URL or the environment variables are invalid.
    pub(super) fn new(url: &str) -> Result<Self> {
        let (scheme, place) = url.split_once("://").unwrap_or(("", url));
        let place = place.trim_end_matches('/');
        let root = format!("{scheme}://{place}");
        let invalid = |error: object_store::Error| Error::Request(format!("{root}: {error}"));
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        if bucket.is_empty() {
            let text = format!("{root}: the bucket is missing; write {scheme}://BUCKET/PREFIX");
            return Err(Error::Request(text));
        }
        // As it is: engines read the same names.
        let prefix = Path::parse(prefix)
            .map_err(|error| Error::Request(format!("{root}: the prefix is invalid: {error}")))?;
        let retries = retries();
        let store: Box<dyn ObjectStore> = match scheme {
            "gs" => Box::new(
                GoogleCloudStorageBuilder::from_env()
                    .with_bucket_name(bucket)
                    .with_retry(retries)
                    .build()
                    .map_err(invalid)?,
            ),
            "az" => Box::new(
                MicrosoftAzureBuilder::from_env()
                    .with_container_name(bucket)
                    .with_retry(retries)
                    .build()
                    .map_err(invalid)?,
            ),
            _ => Box::new(
                AmazonS3Builder::from_env()
                    .with_bucket_name(bucket)
                    .with_retry(retries)
                    .build()
                    .map_err(invalid)?,
            ),
        };
        Ok(Self {
            store,
            runtime: Builder::new_current_thread().enable_all().build()?,
            prefix,
            root: root.clone(),
        })
    }

    fn path(&self, path: &str) -> Result<Path> {
        is_below_root(path)?;
        let parts = self
            .prefix
            .parts()
            .chain(path.split('/').map(PathPart::from));
        Ok(parts.collect())
    }

    fn name(&self, path: &str) -> String {
        format!("{}/{path}", self.root)
    }

    /// Writes an object and checks the size that the store reports.
    fn write(&self, place: &Path, bytes: &[u8]) -> object_store::Result<bool> {
        let options = PutOptions::from(PutMode::Create);
        let payload = bytes.to_vec().into();
        self.runtime.block_on(async {
            self.store.put_opts(place, payload, options).await?;
            Ok(self.store.head(place).await?.size == bytes.len() as u64)
        })
    }

    fn check(&self, path: &str, is_whole: bool) -> Result<()> {
        match is_whole {
            true => Ok(()),
            false => Err(Error::Sink(format!(
                "{}: the store holds an object of another size than was sent; remove it and push \
                 again, the recording keeps what was not sent",
                self.name(path)
            ))),
        }
    }

    fn failed(&self, path: &str, error: &object_store::Error) -> Error {
        Error::Sink(format!(
            "{}: {error}; check the network, the credentials and the name. The recording keeps what \
             was not sent: push again",
            self.name(path)
        ))
    }
}

fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: RETRIES,
        retry_timeout: TIMEOUT,
    }
}

impl Destination for BucketDestination {
    fn root(&self) -> &str {
        &self.root
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<PutOutcome> {
        match self.write(&self.path(path)?, bytes) {
            Ok(is_whole) => self.check(path, is_whole).map(|()| PutOutcome::Written),
            Err(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. },
            ) => {
                let found = self.get(path)?.unwrap_or_default();
                existing(&self.name(path), &found, bytes)
            }
            Err(error) => Err(self.failed(path, &error)),
        }
    }

    fn get(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let place = self.path(path)?;
        let read = self.runtime.block_on(async {
            let found = self.store.get(&place).await?;
            found.bytes().await
        });
        match read {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(path, &error)),
        }
    }

    fn list(&self, folder: &str) -> Result<Vec<ObjectEntry>> {
        let place = self.path(folder)?;
        let listed: object_store::Result<Vec<_>> = self
            .runtime
            .block_on(self.store.list(Some(&place)).try_collect());
        let listed = listed.map_err(|error| self.failed(folder, &error))?;
        let entry = |object: object_store::ObjectMeta| {
            let below: Path = object.location.prefix_match(&self.prefix)?.collect();
            let modified: SystemTime = object.last_modified.into();
            is_object(below.as_ref()).then(|| ObjectEntry {
                path: below.to_string(),
                age: modified.elapsed().ok(),
            })
        };
        let mut found: Vec<ObjectEntry> = listed.into_iter().filter_map(entry).collect();
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    fn remove(&self, path: &str) -> Result<()> {
        let place = self.path(path)?;
        match self.runtime.block_on(self.store.delete(&place)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed(path, &error)),
        }
    }
}
