//! Known powers of kinds, as input of attribution, and their CSV file.
//!
//! ```text
//! kind,watts,relative_sd,rail
//! inference > prefill > layers > layer > mlp > up_proj,11.2,0.05,cpu
//! ```
//!
//! Columns may have any order, and further columns are ignored. `rail` may be absent or
//! empty. Fields may be quoted (RFC 4180) within one line.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use crate::Error;
use crate::rows::CalibrationRow;

/// The known power of a kind before a run is fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Prior {
    /// The kind: names of spans, joined by ` > `.
    pub kind: String,
    /// Active power while the kind runs, in watts; above 0.
    pub watts: f64,
    /// Standard deviation of `watts` relative to it; above 0.
    pub relative_sd: f64,
    /// The rail's name within its source; `None` for any rail.
    pub rail: Option<String>,
}

/// Reads a file of priors.
///
/// # Errors
/// When it cannot be read or parsed; the message names the line.
pub fn read_priors(path: &Path) -> Result<Vec<Prior>, Error> {
    let file = crate::files::open(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })?;
    parse_priors(BufReader::new(file)).map_err(|message| Error::Input {
        path: path.to_owned(),
        message,
    })
}

/// Reads priors from text.
///
/// # Errors
/// A message that names the line.
pub fn parse_priors(input: impl BufRead) -> Result<Vec<Prior>, String> {
    let mut lines = (1..).zip(input.lines());
    let header = match lines.next() {
        Some((_, line)) => line.map_err(|error| error.to_string())?,
        None => {
            return Err(format!(
                "it is empty; it must begin with the line `{HEADER}`"
            ));
        }
    };
    let columns = Columns::of(&header)?;
    let mut priors: Vec<Prior> = Vec::new();
    for (number, line) in lines {
        let at_line = |why: String| format!("line {number}: {why}");
        let line = line.map_err(|error| at_line(error.to_string()))?;
        if line.trim().is_empty() {
            continue;
        }
        let prior = columns.prior(&line).map_err(at_line)?;
        let is_same = |other: &Prior| other.kind == prior.kind && other.rail == prior.rail;
        if priors.iter().any(is_same) {
            return Err(at_line(format!(
                "kind `{}` occurs twice; delete one of its lines",
                prior.kind
            )));
        }
        priors.push(prior);
    }
    Ok(priors)
}

/// Writes priors in the format of [`read_priors`].
///
/// # Errors
/// When `out` cannot be written.
pub fn write_priors(out: &mut dyn Write, priors: &[Prior]) -> std::io::Result<()> {
    writeln!(out, "{HEADER},rail")?;
    for prior in priors {
        let rail = prior.rail.as_deref().unwrap_or_default();
        let (kind, rail) = (quoted(&prior.kind), quoted(rail));
        writeln!(out, "{kind},{},{},{rail}", prior.watts, prior.relative_sd)?;
    }
    Ok(())
}

impl CalibrationRow {
    /// Returns the calibration's powers as priors.
    pub fn priors(&self) -> Vec<Prior> {
        let prior = |row: &crate::rows::CalibrationKindRow| Prior {
            kind: row.kind.clone(),
            watts: row.watts,
            relative_sd: row.relative_sd,
            rail: Some(row.rail.clone()),
        };
        self.kinds.iter().map(prior).collect()
    }
}

const HEADER: &str = "kind,watts,relative_sd";

/// Indexes of the columns.
struct Columns {
    kind: usize,
    watts: usize,
    relative_sd: usize,
    rail: Option<usize>,
}

impl Columns {
    fn of(header: &str) -> Result<Self, String> {
        let names = fields(header.trim_start_matches('\u{feff}'))?;
        let find = |name: &str| names.iter().position(|column| column == name);
        let need = |name: &str| {
            find(name).ok_or_else(|| {
                format!("its first line has no column `{name}`; it must hold `{HEADER}`")
            })
        };
        Ok(Self {
            kind: need("kind")?,
            watts: need("watts")?,
            relative_sd: need("relative_sd")?,
            rail: find("rail"),
        })
    }

    fn prior(&self, line: &str) -> Result<Prior, String> {
        let fields = fields(line)?;
        let field = |name: &str, at: usize| {
            let field = fields.get(at).map(String::as_str).unwrap_or_default();
            let missing = || format!("it has no {name}");
            Some(field)
                .filter(|text| !text.is_empty())
                .ok_or_else(missing)
        };
        let rail = self.rail.and_then(|at| fields.get(at)).cloned();
        Ok(Prior {
            kind: field("kind", self.kind)?.to_owned(),
            watts: positive("watts", field("watts", self.watts)?)?,
            relative_sd: positive("relative_sd", field("relative_sd", self.relative_sd)?)?,
            rail: rail.filter(|rail| !rail.is_empty()),
        })
    }
}

fn positive(name: &str, text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err(format!("{name} is `{text}`; it must be a number above 0")),
    }
}

/// Splits a line into fields. A quote inside a quoted field is doubled.
fn fields(line: &str) -> Result<Vec<String>, String> {
    let (mut all, mut field) = (Vec::new(), String::new());
    let (mut quoted, mut characters) = (false, line.chars().peekable());
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => all.push(std::mem::take(&mut field).trim().to_owned()),
            other => field.push(other),
        }
    }
    if quoted {
        return Err("a quote is not closed".to_owned());
    }
    all.push(field.trim().to_owned());
    Ok(all)
}

fn quoted(field: &str) -> String {
    // The format has one line per prior: a line end is written as a space.
    let field = field.replace(['\n', '\r'], " ");
    match field.contains(['"', ',']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Prior>, String> {
        parse_priors(text.as_bytes())
    }

    fn prior(kind: &str, rail: Option<&str>) -> Prior {
        Prior {
            kind: kind.to_owned(),
            watts: 11.25,
            relative_sd: 0.05,
            rail: rail.map(str::to_owned),
        }
    }

    #[test]
    fn written_priors_read_back() {
        let priors = [
            prior("a > b", Some("cpu")),
            prior("say \"x\", y", None),
            prior("a > b", None),
        ];
        let mut text = Vec::new();
        write_priors(&mut text, &priors).unwrap();
        assert_eq!(parse_priors(text.as_slice()).unwrap(), priors);
    }

    #[test]
    fn columns_may_have_any_order() {
        let text = "relative_sd,note,kind,watts\n0.05,why,a > b,11.25\n\n";
        assert_eq!(parse(text).unwrap(), [prior("a > b", None)]);
        assert_eq!(parse("kind,watts,relative_sd\n").unwrap(), []);
    }

    #[test]
    fn errors_name_the_line_and_the_cause() {
        let refused = |rows: &str| parse(&format!("kind,watts,relative_sd\n{rows}")).unwrap_err();
        assert!(refused("a,1,0.1\nb,-1,0.1").starts_with("line 3: watts is `-1`"));
        assert!(refused("a,nan,0.1").starts_with("line 2: watts"));
        assert!(refused("a,1,0").starts_with("line 2: relative_sd is `0`"));
        assert!(refused("a,1").contains("no relative_sd"));
        assert!(refused(",1,0.1").contains("no kind"));
        assert!(refused("a,1,0.1\na,2,0.1").contains("`a` occurs twice"));
        assert!(refused("\"a,1,0.1").contains("quote"));
        assert!(parse("kind,watts\n").unwrap_err().contains("`relative_sd`"));
        assert!(parse("").unwrap_err().contains("empty"));
    }
}
