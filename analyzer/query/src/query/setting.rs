//! Configuration of a run that must be the same for two runs to be comparable.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::attributions::EFFECTIVE;
use super::{Recording, Run, StoredConfig};
use crate::error::Result;

/// Configuration of a run. `None` is unknown and matches any value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunSetting {
    /// Host name.
    pub host: Option<String>,
    /// Processor.
    pub chip: Option<String>,
    /// Root rails as `source/name`, joined by ` + `.
    pub sources: Option<String>,
    /// Number format of the weights.
    pub precision: Option<String>,
    /// Mains or battery, at the start and, if it changed, at the end.
    pub power: Option<String>,
    /// Low-power mode, in the same way.
    pub low_power_mode: Option<String>,
    /// Text of the prompt, if stored.
    pub prompt: Option<String>,
    /// SHA-256 of the prompt, from its text or as stored.
    pub prompt_sha256: Option<String>,
    /// Name of the model.
    pub model: Option<String>,
    /// SHA-256 of the model file.
    pub model_sha256: Option<String>,
    /// Depth of spans.
    pub depth: Option<String>,
    /// Whether statistics of activation tensors were computed: `on` or `off`.
    pub statistics: Option<String>,
    /// Largest number of generated tokens.
    pub max_tokens: Option<String>,
    /// How tokens are selected, without the seed.
    pub sampling: Option<String>,
    /// Form of the prompt: `raw`, or `template` with its system turn and variables.
    pub prompt_form: Option<String>,
    /// Number of prompts; unknown with several sequences at once, which may repeat one.
    pub prompts: Option<String>,
    /// Number of sequences at once.
    pub batch: Option<String>,
    /// Device of the tensors.
    pub device: Option<String>,
    /// Number format of the key-value cache.
    pub cache: Option<String>,
    /// Method and version of the shown attribution.
    pub method: Option<String>,
    /// Whether idle energy is subtracted from the energies of spans on every root rail.
    pub has_idle: bool,
}

/// Reads the configuration of a run.
///
/// # Errors
/// If the file cannot be read.
pub fn setting(recording: &Recording, run: &Run) -> Result<RunSetting> {
    let (row, metadata) = (&run.row, &run.row.metadata);
    let config = StoredConfig::of(metadata);
    let mut conditions = conditions(recording.connection(), run.no)?;
    let connection = recording.connection();
    Ok(RunSetting {
        statistics: statistics(&config).map(str::to_owned),
        sampling: sampling(&config),
        prompt_form: prompt_form(&config),
        max_tokens: config.max_tokens.map(|count| count.to_string()),
        prompts: config
            .prompts
            .filter(|_| metadata.batch.is_none_or(|batch| batch <= 1))
            .map(|count| count.to_string()),
        batch: metadata.batch.map(|count| count.to_string()),
        device: config.device,
        cache: config.cache,
        depth: config.depth,
        host: row.host.clone(),
        chip: row.chip.clone(),
        sources: sources(connection, run.no)?,
        precision: metadata.precision.clone(),
        power: conditions.remove("power"),
        low_power_mode: conditions.remove("low_power_mode"),
        prompt_sha256: match &metadata.prompt {
            Some(text) => Some(crate::checksum::sha256_of(text.as_bytes())),
            None => config.prompt_sha256,
        },
        prompt: metadata.prompt.clone(),
        model: metadata.model.clone(),
        model_sha256: config.model_sha256,
        method: method(connection, run)?,
        has_idle: has_idle(connection, run)?,
    })
}

/// Returns whether statistics were computed. Only `energy run` stores how tokens are sampled, and it
/// stores a threshold if it computes statistics.
pub(super) fn statistics(config: &StoredConfig) -> Option<&'static str> {
    match (config.statistics_threshold, config.temperature) {
        (Some(_), _) => Some("on"),
        (None, Some(_)) => Some("off"),
        (None, None) => None,
    }
}

/// Form of a prompt without a template.
pub const RAW: &str = "raw";

/// Digits of the checksum of a system turn.
const CHECKSUM: usize = 8;

/// Describes the form of the prompt: `raw`, or `template` with the checksum of the system turn and
/// the variables of the template.
pub(super) fn prompt_form(config: &StoredConfig) -> Option<String> {
    if config.raw? {
        return Some(RAW.to_owned());
    }
    let mut form = "template".to_owned();
    let sum = config.system.as_ref().map(|text| {
        let sum = crate::checksum::sha256_of(text.as_bytes());
        sum.chars().take(CHECKSUM).collect::<String>()
    });
    let stored = config.system_sha256.as_ref();
    let stored = stored.map(|sum| sum.chars().take(CHECKSUM).collect::<String>());
    if let Some(sum) = sum.or(stored) {
        form += &format!(", system turn {sum}");
    }
    for (name, value) in config.chat.iter().flatten() {
        form += &format!(", {name}={value}");
    }
    Some(form)
}

/// Part of the sampling of runs that ignored end tokens.
pub const END_TOKENS_IGNORED: &str = "end tokens ignored";

/// Describes how tokens are selected. The seed is left out: repeats may differ in it on purpose.
pub(super) fn sampling(config: &StoredConfig) -> Option<String> {
    let temperature = config.temperature?;
    let mut parts = match temperature > 0.0 {
        true => vec![format!("temperature {temperature}")],
        false => vec!["greedy".to_owned()],
    };
    if temperature > 0.0 {
        parts.extend(config.top_k.map(|count| format!("top-k {count}")));
        parts.extend(config.top_p.map(|share| format!("top-p {share}")));
        parts.extend(config.min_p.map(|share| format!("min-p {share}")));
    }
    let penalty = config.repeat_penalty.filter(|penalty| *penalty != 1.0);
    parts.extend(penalty.map(|penalty| format!("repeat penalty {penalty}")));
    let ignores = config.ignore_eos == Some(true);
    parts.extend(ignores.then(|| END_TOKENS_IGNORED.to_owned()));
    Some(parts.join(", "))
}

fn sources(connection: &Connection, run: i64) -> Result<Option<String>> {
    let sql = "SELECT group_concat(name, ' + ') FROM (
                   SELECT source || '/' || name AS name FROM rails
                   WHERE run = ?1 AND parent IS NULL ORDER BY 1)";
    Ok(connection
        .prepare_cached(sql)?
        .query_row([run], |r| r.get(0))?)
}

fn method(connection: &Connection, run: &Run) -> Result<Option<String>> {
    let sql = format!(
        "SELECT max({EFFECTIVE} || ' v' || version) FROM attributions a
         WHERE run = ?1 AND id = ?2"
    );
    Ok(connection
        .prepare_cached(&sql)?
        .query_row((run.no, run.attribution), |r| r.get(0))?)
}

fn has_idle(connection: &Connection, run: &Run) -> Result<bool> {
    // A rail below its baseline has no idle account, but its spans include no idle energy
    // either.
    let sql = "SELECT count(*) > 0 AND total(b.idle_j IS NOT NULL OR EXISTS (
                   SELECT 1 FROM baselines i WHERE i.run = b.run AND i.rail = b.rail)) = count(*)
               FROM balance b
               JOIN rails l ON l.run = b.run AND l.id = b.rail AND l.parent IS NULL
               WHERE b.run = ?1 AND b.attribution = ?2";
    Ok(connection
        .prepare_cached(sql)?
        .query_row((run.no, run.attribution), |r| r.get(0))?)
}

/// Reads the conditions by key: the value, or `START, then END` if it changed.
fn conditions(connection: &Connection, run: i64) -> Result<BTreeMap<String, String>> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let sql = "SELECT key, value FROM conditions WHERE run = ?1
               ORDER BY key, CASE time_point WHEN 'start' THEN 0 ELSE 1 END";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([run])?;
    while let Some(row) = rows.next()? {
        let (key, value): (String, String) = (row.get(0)?, row.get(1)?);
        match found.get_mut(&key) {
            Some(known) if *known != value => *known = format!("{known}, then {value}"),
            Some(_) => {}
            None => {
                found.insert(key, value);
            }
        }
    }
    Ok(found)
}
