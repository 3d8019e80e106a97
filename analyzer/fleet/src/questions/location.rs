//! Where the packs of a fleet are, as engines write it.

use std::path::Path;

use energy_query::{Error, Result};

use super::engine::Engine;

/// Root of the packs for one engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    root: String,
    is_remote: bool,
}

impl Location {
    /// Parses a folder, or `s3://`, `gs://` or `az://` with a bucket and a prefix.
    ///
    /// # Errors
    /// If the folder does not exist, if the text has characters that engines read as patterns, or
    /// if the engine cannot read such a place.
    pub fn parse(root: &str, engine: Engine) -> Result<Self> {
        if let Some(found) = root.find(|c: char| "*?[]{}".contains(c) || c.is_control()) {
            let found: String = root[found..].chars().take(1).collect();
            return Err(Error::Request(format!(
                "{root}: `{}` is part of a pattern for engines; rename the folder",
                found.escape_debug()
            )));
        }
        match root.split_once("://") {
            Some((scheme, rest)) => Self::remote(scheme, rest, engine),
            None => Self::folder(root),
        }
    }

    fn remote(scheme: &str, rest: &str, engine: Engine) -> Result<Self> {
        let scheme = match (scheme, engine) {
            ("s3", Engine::Spark) => "s3a",
            ("s3" | "gs", _) | ("az", Engine::DuckDb) => scheme,
            ("az", _) => {
                return Err(Error::Request(format!(
                    "az://{rest}: {} does not read az:// addresses; use --with duckdb, or copy the \
                     packs to a folder",
                    engine.name()
                )));
            }
            _ => {
                return Err(Error::Unknown {
                    what: "scheme",
                    name: scheme.to_owned(),
                    known: "a folder, s3://, gs://, az://".to_owned(),
                });
            }
        };
        Ok(Self {
            root: format!("{scheme}://{}", rest.trim_end_matches('/')),
            is_remote: true,
        })
    }

    fn folder(root: &str) -> Result<Self> {
        let path = Path::new(root);
        let file_error = |source| Error::File {
            path: path.to_owned(),
            source,
        };
        let absolute = path.canonicalize().map_err(file_error)?;
        if !absolute.join("v1/packs").is_dir() {
            return Err(Error::Request(format!(
                "{root}: no packs (v1/packs is missing); send some with `energy fleet push {root}`"
            )));
        }
        let text = absolute.to_str().map(str::to_owned);
        let root = text.ok_or_else(|| {
            Error::Request(format!("{root}: the path is not UTF-8; rename the folder"))
        })?;
        Ok(Self {
            root,
            is_remote: false,
        })
    }

    /// Returns the address of a table's folder.
    pub(super) fn table(&self, table: &str) -> String {
        format!("{}/v1/{table}", self.root)
    }

    /// Returns the pattern of a table's objects.
    pub(super) fn objects(&self, table: &str) -> String {
        format!("{}/date=*/*.parquet", self.table(table))
    }

    /// Returns ClickHouse's function that reads its objects.
    pub(super) fn clickhouse_function(&self) -> &'static str {
        if self.is_remote { "s3" } else { "file" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_addressed_as_the_engine_expects() {
        let of = |engine| Location::parse("s3://fleet/a/", engine).unwrap();
        assert_eq!(of(Engine::Spark).table("kinds"), "s3a://fleet/a/v1/kinds");
        assert_eq!(
            of(Engine::DuckDb).objects("kinds"),
            "s3://fleet/a/v1/kinds/date=*/*.parquet"
        );
        assert!(Location::parse("az://fleet", Engine::ClickHouse).is_err());
        assert!(Location::parse("ftp://fleet", Engine::Spark).is_err());
    }

    #[test]
    fn patterns_and_folders_without_packs_are_refused() {
        for root in ["fleet*", "fleet{a,b}", "fleet\n", "/absent-folder"] {
            assert!(Location::parse(root, Engine::DuckDb).is_err(), "{root}");
        }
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_str().unwrap();
        let error = Location::parse(root, Engine::DuckDb)
            .unwrap_err()
            .to_string();
        assert!(error.contains("energy fleet push"), "{error}");
    }
}
