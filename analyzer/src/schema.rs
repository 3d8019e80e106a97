//! JSON schemas of the commands' output (JSON Schema 2020-12).

/// Names and schemas, in the order of names.
const SCHEMAS: &[(&str, &str)] = &[
    ("analyse", include_str!("../schema/analyse.json")),
    ("balance", include_str!("../schema/balance.json")),
    (
        "baseline-check",
        include_str!("../schema/baseline-check.json"),
    ),
    (
        "baseline-list",
        include_str!("../schema/baseline-list.json"),
    ),
    ("compare", include_str!("../schema/compare.json")),
    ("doctor", include_str!("../schema/doctor.json")),
    ("hot", include_str!("../schema/hot.json")),
    ("layers", include_str!("../schema/layers.json")),
    ("models", include_str!("../schema/models.json")),
    ("ops", include_str!("../schema/ops.json")),
    ("pipeline", include_str!("../schema/pipeline.json")),
    ("power", include_str!("../schema/power.json")),
    ("predict", include_str!("../schema/predict.json")),
    ("quality", include_str!("../schema/quality.json")),
    ("query", include_str!("../schema/query.json")),
    ("requests", include_str!("../schema/requests.json")),
    ("runs", include_str!("../schema/runs.json")),
    ("show", include_str!("../schema/show.json")),
    ("size", include_str!("../schema/size.json")),
    ("summary", include_str!("../schema/summary.json")),
    ("sweep", include_str!("../schema/sweep.json")),
    ("table", include_str!("../schema/table.json")),
    ("tokens", include_str!("../schema/tokens.json")),
];

/// Returns the schema of the JSON output with this name: that of a command, such as `summary`,
/// or of a command and its subcommand, such as `baseline-check`.
pub fn schema(name: &str) -> Option<&'static str> {
    let found = SCHEMAS.iter().find(|(known, _)| *known == name);
    found.map(|(_, schema)| *schema)
}

/// Returns the names of all schemas.
pub fn schema_names() -> impl Iterator<Item = &'static str> {
    SCHEMAS.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_is_json_and_found_by_name() {
        for name in schema_names() {
            let text = schema(name).unwrap();
            let json: serde_json::Value = serde_json::from_str(text).unwrap();
            assert!(json["$schema"].is_string(), "{name}");
        }
        assert_eq!(schema("none"), None);
    }

    #[test]
    fn every_file_is_listed() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        files.sort();
        assert_eq!(files, schema_names().collect::<Vec<_>>());
    }
}
