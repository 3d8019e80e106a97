//! Attributes a stored run again, from its file alone.
//!
//! The recording library does it; this file is the one place that calls it.

use std::path::{Path, PathBuf};

use tracing_energy::power::Kernel;
use tracing_energy::priors::read_priors;
use tracing_energy::units::Nanos;
use tracing_energy::{AttributeOptions, Method};

use crate::error::Result;

/// How a run is attributed again.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Options {
    /// The method.
    pub method: Method,
    /// Rails that the method is for; empty is all.
    pub rails: Vec<String>,
    /// Averaging windows of sensors, by rail.
    pub kernels: Vec<(String, Kernel)>,
    /// How far the sensor's clock is ahead of the program's; none is estimated.
    pub offset: Option<Nanos>,
    /// A file of known powers.
    pub prior: Option<PathBuf>,
    /// How many earlier runs of the same program to start from.
    pub pool: usize,
}

/// Attributes the run with id `uuid` of the recording at `path` again and shows
/// the result from now on; earlier attributions stay. Gives the new one's id.
///
/// # Errors
/// When a file cannot be read or written, or the run holds too little for the method.
pub fn attribute(path: &Path, uuid: &str, options: &Options) -> Result<u32> {
    let priors = match &options.prior {
        Some(file) => read_priors(file)?,
        None => Vec::new(),
    };
    let options = AttributeOptions {
        method: options.method,
        rails: options.rails.clone(),
        kernels: options.kernels.clone(),
        offset: options.offset,
        priors,
        pool: options.pool,
    };
    Ok(tracing_energy::reattribute(path, uuid, &options)?)
}

/// Reads `12ms`, `-3.5ms`, `0.02s`.
///
/// # Errors
/// Says what is accepted.
pub fn parse_offset(text: &str) -> std::result::Result<Nanos, String> {
    let units = [("ms", 1e6), ("us", 1e3), ("s", 1e9)];
    let known = units.into_iter().find_map(|(unit, ns)| {
        let number: f64 = text.strip_suffix(unit)?.trim().parse().ok()?;
        (number.abs() * ns < 1e15).then_some(Nanos::from_nanos((number * ns).round() as i64))
    });
    known.ok_or_else(|| format!("`{text}` is no offset; give it like 12ms or -3.5ms"))
}

/// Reads `RAIL=KERNEL`.
///
/// # Errors
/// Says what is accepted.
pub fn parse_kernel(text: &str) -> std::result::Result<(String, Kernel), String> {
    let (rail, kernel) = text
        .split_once('=')
        .ok_or("give RAIL=KERNEL, for example gpu=trailing:100ms")?;
    Ok((rail.to_owned(), kernel.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_have_a_sign_and_a_unit() {
        assert_eq!(parse_offset("-3.5ms"), Ok(Nanos::from_nanos(-3_500_000)));
        assert_eq!(parse_offset("0.02s"), Ok(Nanos::from_nanos(20_000_000)));
        assert!(parse_offset("12").is_err() && parse_offset("nan ms").is_err());
    }
}
