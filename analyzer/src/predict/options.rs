//! Options of a prediction.

use clap::Args;

/// What to predict, and the runs that it is based on.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct PredictOptions {
    /// Model: its name or a part of it, or the beginning of its SHA-256; of a model that was not
    /// measured, any name, with --parameters
    #[arg(long, value_name = "MODEL")]
    pub model: String,
    /// Prompt tokens of each sequence
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub input: u32,
    /// Generated tokens of each sequence
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub output: u32,
    /// Sequences at once
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub batch: u32,
    /// Active parameters of a model that was not measured, e.g. 1.5B, 350M: it is predicted from
    /// measured models of other sizes
    #[arg(long, value_name = "N", value_parser = parse_parameters)]
    pub parameters: Option<f64>,
    /// Number format of the weights [default: that with the most configurations]
    #[arg(long, value_name = "TEXT")]
    pub precision: Option<String>,
    /// Engine [default: that with the most configurations]
    #[arg(long, value_name = "TEXT")]
    pub engine: Option<String>,
    /// Only runs of this experiment
    #[arg(long, value_name = "NAME")]
    pub experiment: Option<String>,
    /// Machine of the runs: its name, or the beginning of its id [default: this one]
    #[arg(long, value_name = "NAME")]
    pub machine: Option<String>,
}

/// Parses a number of parameters.
///
/// # Errors
/// Describes the accepted values.
pub(crate) fn parse_parameters(text: &str) -> Result<f64, String> {
    let scale = |letter: char| match letter.to_ascii_uppercase() {
        'K' => Some(1e3),
        'M' => Some(1e6),
        'B' | 'G' => Some(1e9),
        'T' => Some(1e12),
        _ => None,
    };
    let last = text.trim().chars().last();
    let (number, scale) = match last.and_then(scale) {
        Some(scale) => (text.trim().trim_end_matches(char::is_alphabetic), scale),
        None => (text.trim(), 1.0),
    };
    let parameters = number
        .trim()
        .parse::<f64>()
        .ok()
        .map(|number| number * scale);
    parameters
        .filter(|number| number.is_finite() && *number >= 1.0)
        .ok_or_else(|| format!("`{text}` is no number of parameters; write 1.5B or 350M"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_suffixes() {
        assert_eq!(parse_parameters("1.5B"), Ok(1.5e9));
        assert_eq!(parse_parameters("350 M"), Ok(350e6));
        assert_eq!(parse_parameters("1000"), Ok(1000.0));
        for wrong in ["", "B", "-1B", "nan", "1X", "0"] {
            assert!(parse_parameters(wrong).is_err(), "{wrong}");
        }
    }
}
