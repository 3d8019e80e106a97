//! Values of options that have no type of their own.

use energy_data::Kernel;
use energy_data::units::Nanos;

/// Parses `KEY=VALUE`, or `KEY` with an empty value.
///
/// # Errors
/// If there is no key.
pub fn parse_tag(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    if key.is_empty() {
        return Err(format!("`{text}` has no key; write KEY=VALUE"));
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// Parses `5%` or the fraction `0.05`. A bare `5` is rejected because it is ambiguous.
///
/// # Errors
/// Describes the accepted format.
pub fn parse_fraction(text: &str) -> Result<f64, String> {
    let (digits, scale) = match text.trim().strip_suffix('%') {
        Some(digits) => (digits.trim_end(), 0.01),
        None => (text.trim(), 1.0),
    };
    let fraction = digits.parse::<f64>().ok().map(|number| number * scale);
    match fraction {
        Some(part) if part >= 0.0 && part.is_finite() && (scale < 1.0 || part < 1.0) => Ok(part),
        _ => Err("write it as 5% or 0.05".to_owned()),
    }
}

/// Formats a fraction as a percentage that [`parse_fraction`] accepts: `2.5%`.
pub fn percent_text(fraction: f64) -> String {
    format!("{}%", (fraction * 1e8).round() / 1e6)
}

/// Parses `12ms`, `-3.5ms`, `0.02s`.
///
/// # Errors
/// Describes the accepted format.
pub fn parse_offset(text: &str) -> Result<Nanos, String> {
    let units = [("ms", 1e6), ("us", 1e3), ("s", 1e9)];
    let known = units.into_iter().find_map(|(unit, ns)| {
        let number: f64 = text.strip_suffix(unit)?.trim().parse().ok()?;
        (number.abs() * ns < 1e15).then_some(Nanos::from_nanos((number * ns).round() as i64))
    });
    known.ok_or_else(|| format!("`{text}` is not an offset; write 12ms or -3.5ms"))
}

/// Parses `RAIL=KERNEL`.
///
/// # Errors
/// Describes the accepted format.
pub fn parse_kernel(text: &str) -> Result<(String, Kernel), String> {
    let (rail, kernel) = text
        .split_once('=')
        .ok_or("give RAIL=KERNEL, for example gpu=trailing:100ms")?;
    Ok((rail.to_owned(), kernel.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_keys_with_or_without_value() {
        assert_eq!(parse_tag("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert_eq!(parse_tag("a"), Ok(("a".into(), String::new())));
        assert!(parse_tag("=b").is_err());
    }

    #[test]
    fn fractions_have_a_percent_sign_or_are_below_one() {
        for (text, fraction) in [
            ("5%", 0.05),
            ("0.05", 0.05),
            ("2.5 %", 0.025),
            ("200%", 2.0),
        ] {
            assert!((parse_fraction(text).unwrap() - fraction).abs() < 1e-12);
        }
        for wrong in ["5", "-1%", "nan", "", "%"] {
            assert!(parse_fraction(wrong).is_err(), "{wrong}");
        }
        for text in ["1%", "2.5%", "5%"] {
            assert_eq!(percent_text(parse_fraction(text).unwrap()), text);
        }
    }

    #[test]
    fn offsets_have_a_sign_and_a_unit() {
        assert_eq!(parse_offset("-3.5ms"), Ok(Nanos::from_nanos(-3_500_000)));
        assert_eq!(parse_offset("0.02s"), Ok(Nanos::from_nanos(20_000_000)));
        assert!(parse_offset("12").is_err() && parse_offset("nan ms").is_err());
    }
}
