//! Known powers of kinds, as input of attribution, and their CSV file.
//!
//! ```text
//! kind,watts,relative_sd,rail
//! inference > prefill > layers > layer > mlp > up_proj,11.2,0.05,cpu
//! ```
//!
//! Columns may have any order, and further columns are ignored. `rail` may be absent or
//! empty. The file is read as every table is ([`energy_power::table`]).

use std::io::{Read, Write};
use std::path::Path;

pub use energy_data::Prior;

use crate::Error;
use energy_power::table::{self, Table, TableRow};

/// Reads a file of priors.
///
/// # Errors
/// When it cannot be read or parsed; the message names the line.
pub fn read_priors(path: &Path) -> Result<Vec<Prior>, Error> {
    let file = energy_host::files::open(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })?;
    parse_priors(file).map_err(|message| Error::Input {
        path: path.to_owned(),
        message,
    })
}

/// Reads priors from text.
///
/// # Errors
/// A message that names the line.
pub fn parse_priors(input: impl Read) -> Result<Vec<Prior>, String> {
    let (mut table, columns) = Table::open(input, PriorColumns::of)?;
    let mut priors: Vec<Prior> = Vec::new();
    table.read(|row| {
        let prior = columns.prior(row)?;
        let is_same = |other: &Prior| other.kind == prior.kind && other.rail == prior.rail;
        if priors.iter().any(is_same) {
            return Err(format!(
                "kind `{}` occurs twice; delete one of its lines",
                prior.kind
            ));
        }
        priors.push(prior);
        Ok(())
    })?;
    match table.left_out().find(|(kind, ..)| *kind == table::CUT) {
        Some(_) => Err("its last line is incomplete; end the file with a line end".to_owned()),
        None => Ok(priors),
    }
}

/// Writes priors in the format of [`read_priors`].
///
/// # Errors
/// When `out` cannot be written.
pub fn write_priors(out: &mut dyn Write, priors: &[Prior]) -> std::io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    table.write_record(["kind", "watts", "relative_sd", "rail"])?;
    for prior in priors {
        // One line per prior: a line end is written as a space.
        let kind = prior.kind.replace(['\n', '\r'], " ");
        let (watts, sd) = (prior.watts.to_string(), prior.relative_sd.to_string());
        let rail = prior.rail.as_deref().unwrap_or_default();
        table.write_record([&*kind, &*watts, &*sd, rail])?;
    }
    table.flush()
}

const HEADER: &str = "kind,watts,relative_sd";

/// Indexes of the columns.
struct PriorColumns {
    kind: usize,
    watts: usize,
    relative_sd: usize,
    rail: Option<usize>,
}

impl PriorColumns {
    fn of(header: &[&str]) -> Result<Self, String> {
        if header.is_empty() {
            return Err(format!("it must begin with the line `{HEADER}`"));
        }
        let need = |name: &str| {
            table::column(header, name)?.ok_or_else(|| {
                format!("its first line has no column `{name}`; it must hold `{HEADER}`")
            })
        };
        Ok(Self {
            kind: need("kind")?,
            watts: need("watts")?,
            relative_sd: need("relative_sd")?,
            rail: table::column(header, "rail")?,
        })
    }

    fn prior(&self, row: &TableRow<'_>) -> Result<Prior, String> {
        let field = |name: &str, at: usize| {
            let field = row.field(at).unwrap_or_default();
            let missing = || format!("it has no {name}");
            Some(field)
                .filter(|text| !text.is_empty())
                .ok_or_else(missing)
        };
        let rail = self.rail.and_then(|at| row.field(at).ok());
        Ok(Prior {
            kind: field("kind", self.kind)?.to_owned(),
            watts: positive("watts", field("watts", self.watts)?)?,
            relative_sd: positive("relative_sd", field("relative_sd", self.relative_sd)?)?,
            rail: rail.filter(|rail| !rail.is_empty()).map(str::to_owned),
        })
    }
}

fn positive(name: &str, text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err(format!("{name} is `{text}`; it must be a number above 0")),
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
        let refused = |rows: &str| parse(&format!("kind,watts,relative_sd\n{rows}\n")).unwrap_err();
        assert!(refused("a,1,0.1\nb,-1,0.1").starts_with("line 3: watts is `-1`"));
        assert!(refused("a,nan,0.1").starts_with("line 2: watts"));
        assert!(refused("a,1,0").starts_with("line 2: relative_sd is `0`"));
        assert!(refused("a,1").contains("no relative_sd"));
        assert!(refused(",1,0.1").contains("no kind"));
        assert!(refused("a,1,0.1\na,2,0.1").contains("`a` occurs twice"));
        assert!(refused("\"a,1,0.1").starts_with("line 2: it has no watts"));
        let cut = parse("kind,watts,relative_sd\na,1,0.1\nb,1").unwrap_err();
        assert!(cut.contains("incomplete"), "{cut}");
        assert!(parse("kind,watts\n").unwrap_err().contains("`relative_sd`"));
        assert!(parse("").unwrap_err().contains("empty"));
    }
}
