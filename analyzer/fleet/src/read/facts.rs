//! Describes a run.

use energy_data::rows::RunMetadata;
use rusqlite::OptionalExtension as _;
use serde_json::{Map, Value};

use crate::error::Result;
use crate::pack::PackedRun;
use crate::query::{Recording, Run};

/// Tag with the name of the service.
const SERVICE: &str = "service";
/// Tag, and key of the configuration, with the version of the program.
const VERSION: &str = "version";

/// Describes a run by its row and its tags. Prompt and response are left out.
pub(crate) fn facts(run: &Run) -> PackedRun {
    let row = &run.row;
    let metadata = &row.metadata;
    PackedRun {
        uuid: row.uuid.clone(),
        host_id: row.host_id.clone(),
        host: row.host.clone(),
        service: tag(metadata, SERVICE),
        name: metadata.name.clone(),
        status: row.status.name().to_owned(),
        model: metadata.model.clone(),
        precision: metadata.precision.clone(),
        batch: metadata.batch,
        engine: metadata.engine.clone(),
        chip: row.chip.clone(),
        os: row.os.clone(),
        version: row.version.clone(),
        program_version: tag(metadata, VERSION).or_else(|| configured_version(metadata)),
        start_unix_ns: row.start_unix_ns,
        input_tokens: metadata.input_tokens,
        output_tokens: metadata.output_tokens,
        tags: tags(metadata),
        provenance: run.provenance.map(|set| {
            let name = set.to_string();
            match name.contains('+') {
                true => "mixed".to_owned(),
                false => name,
            }
        }),
    }
}

/// Returns the method of an attribution.
pub(crate) fn method(recording: &Recording, run: i64, attribution: i64) -> Result<Option<String>> {
    let sql = "SELECT method FROM attributions WHERE run = ?1 AND id = ?2";
    let mut statement = recording.connection().prepare_cached(sql)?;
    let method = statement.query_row([run, attribution], |r| r.get(0));
    Ok(method.optional()?)
}

fn tag(metadata: &RunMetadata, key: &str) -> Option<String> {
    let tags = metadata.tags.iter();
    let found = tags
        .into_iter()
        .find(|(of, value)| of == key && !value.is_empty());
    found.map(|(_, value)| value.clone())
}

fn configured_version(metadata: &RunMetadata) -> Option<String> {
    let config: Value = serde_json::from_str(metadata.config.as_deref()?).ok()?;
    let version = config
        .get("program_version")
        .or_else(|| config.get(VERSION))?;
    version.as_str().map(str::to_owned)
}

/// Returns the tags as a JSON object; `None` without tags.
fn tags(metadata: &RunMetadata) -> Option<String> {
    let tags = metadata.tags.iter();
    let tags: Map<String, Value> = tags
        .map(|(key, value)| (key.clone(), value.as_str().into()))
        .collect();
    (!tags.is_empty()).then(|| Value::Object(tags).to_string())
}
