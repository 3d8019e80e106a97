//! Rows that a program prints: one JSON object a line, with marks between queries.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Nanojoules in a joule.
const NANO: f64 = 1e9;

/// A value as text; `None` is NULL. Numbers keep all their digits.
pub(super) type Row = BTreeMap<String, Option<String>>;

/// A line of the output.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// The rows of this query follow; the engine's time in us since 1970.
    Mark(String, i64),
    /// A row.
    Row(Row),
    /// Something else that the program prints.
    Other,
}

/// Parses a line of the output.
pub(super) fn parse(line: &str) -> Line {
    let fields = serde_json::from_str::<BTreeMap<String, &RawValue>>(line);
    let Ok(fields) = fields else {
        return Line::Other;
    };
    let row: Row = fields
        .into_iter()
        .map(|(name, value)| (name, text(value)))
        .collect();
    let field = |name: &str| row.get(name).cloned().flatten();
    match (field("energy_mark"), field("at_us")) {
        (Some(name), Some(at_us)) => Line::Mark(name, at_us.parse().unwrap_or_default()),
        _ => Line::Row(row),
    }
}

/// Returns the text of a JSON value.
fn text(value: &RawValue) -> Option<String> {
    match value.get() {
        "null" => None,
        quoted if quoted.starts_with('"') => String::deserialize(value).ok(),
        other => Some(other.to_owned()),
    }
}

/// Converts a row to JSON: energies as digits and in joules, other numbers as numbers.
/// Sums of nJ can exceed 64 bits, so that their digits are text.
pub(super) fn json(row: &Row, is_text: impl Fn(&str) -> bool) -> Value {
    let mut object = serde_json::Map::new();
    for (name, value) in row {
        if let Some(stem) = name.strip_suffix("_nj") {
            let joules = value.as_deref().and_then(|text| text.parse::<f64>().ok());
            object.insert(format!("{stem}_j"), joules.map(|nj| nj / NANO).into());
            object.insert(name.clone(), value.clone().into());
        } else {
            let value = value.as_deref().map(|text| match is_text(name) {
                true => Value::from(text),
                false => number(text),
            });
            object.insert(name.clone(), value.unwrap_or_default());
        }
    }
    Value::Object(object)
}

/// Returns a floating-point number that is an integer as such.
fn whole_number(real: f64) -> Option<Value> {
    let is_exact = real.fract() == 0.0 && real.abs() < 9_007_199_254_740_992.0;
    is_exact.then_some(Value::from(real as i64))
}

fn number(text: &str) -> Value {
    let whole = text.parse::<i64>().ok().map(Value::from);
    let real = || text.parse::<f64>().ok().filter(|value| value.is_finite());
    // One engine prints 0, another one 0.0.
    let whole = whole.or_else(|| whole_number(real()?));
    let flag = || text.parse::<bool>().ok().map(Value::from);
    whole
        .or_else(|| real().map(Value::from))
        .or_else(flag)
        .unwrap_or_else(|| match text {
            "NaN" | "nan" | "inf" | "-inf" => Value::Null,
            _ => Value::from(text),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        let line = r#"{"a_nj":12345678901234567890123,"b_nj":"98765432109876543210987","c":null}"#;
        let Line::Row(row) = parse(line) else {
            panic!("no row");
        };
        assert_eq!(row["a_nj"].as_deref(), Some("12345678901234567890123"));
        assert_eq!(row["b_nj"].as_deref(), Some("98765432109876543210987"));
        assert_eq!(row["c"], None);
        let value = json(&row, |_| false);
        assert_eq!(value["a_nj"], "12345678901234567890123");
        assert_eq!(value["a_j"], 12_345_678_901_234.568);
        assert!(value["c"].is_null());
    }

    #[test]
    fn marks_and_foreign_lines_are_no_rows() {
        let mark = parse(r#"{"energy_mark":"hosts","at_us":"17"}"#);
        assert_eq!(mark, Line::Mark("hosts".to_owned(), 17));
        assert_eq!(parse("spark.sql.x\ttrue"), Line::Other);
        assert_eq!(parse(""), Line::Other);
    }

    #[test]
    fn text_that_looks_like_a_number_stays_text() {
        let Line::Row(row) = parse(r#"{"version":"2.10","runs":"7","share":"0.25","root":true}"#)
        else {
            panic!("no row");
        };
        let value = json(&row, |name| name == "version");
        assert_eq!(value["version"], "2.10");
        assert_eq!(value["runs"], 7);
        assert_eq!(value["share"], 0.25);
        assert_eq!(value["root"], true);
        assert_eq!(number("0.0").to_string(), number("0").to_string());
        assert_eq!(number("1e300").as_f64(), Some(1e300));
    }
}
