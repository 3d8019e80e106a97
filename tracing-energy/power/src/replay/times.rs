//! Parses times of tables exactly. Seconds since 1970 as a floating point number would have an
//! error of 200 ns.

use energy_data::units::Nanos;

/// Latest accepted time: a quarter of the range (the year 2043 for times since 1970), so that
/// sums and differences do not overflow.
const LATEST_NS: i64 = i64::MAX / 4;
/// Largest accepted exponent.
const LARGEST_EXPONENT: i32 = 30;

/// Returns the decimal number `text` times 10^`scale`: 9 for seconds, 0 for nanoseconds.
///
/// # Errors
/// A message, if it is not a number or not before 2043.
pub(super) fn nanos(text: &str, scale: i32) -> Result<Nanos, String> {
    if text.is_empty() {
        return Err("a time is missing".to_owned());
    }
    let (negative, digits, exponent) = decimal(text).ok_or_else(|| no_time(text))?;
    let nanos = shifted(&digits, exponent + scale).filter(|nanos| *nanos <= LATEST_NS);
    let nanos = nanos.ok_or_else(|| too_late(text, scale))?;
    Ok(Nanos::from_nanos(if negative { -nanos } else { nanos }))
}

/// Returns sign, digits without a point, and the exponent of their factor of ten.
fn decimal(text: &str) -> Option<(bool, String, i32)> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = !whole.is_empty() && is_plain(whole) && is_plain(fraction);
    if !is_number || !(-LARGEST_EXPONENT..=LARGEST_EXPONENT).contains(&exponent) {
        return None;
    }
    let decimals = i32::try_from(fraction.len()).ok()?;
    Some((negative, format!("{whole}{fraction}"), exponent - decimals))
}

/// Returns `digits` times 10^`exponent`, rounded down, or `None` if it is too large.
fn shifted(digits: &str, exponent: i32) -> Option<i64> {
    let digits = digits.trim_start_matches('0');
    let length = i32::try_from(digits.len()).ok()? + exponent;
    match usize::try_from(length) {
        _ if digits.is_empty() => Some(0),
        Err(_) | Ok(0) => Some(0),
        Ok(length) if length > 19 => None,
        Ok(length) => {
            let zeros = "0".repeat(length.saturating_sub(digits.len()));
            let kept = &digits[..length.min(digits.len())];
            format!("{kept}{zeros}").parse().ok()
        }
    }
}

fn no_time(text: &str) -> String {
    let is_date = text.contains(':') || text.matches('-').count() > 1;
    match is_date {
        true => format!("{text:?} is not a time: use seconds since 1970, not a date"),
        false => format!("{text:?} is not a time"),
    }
}

/// Returns the message for a time that is too large, with the unit it probably has.
fn too_late(text: &str, scale: i32) -> String {
    let digits = text.trim_start_matches(['-', '+']);
    let whole = digits.split(['.', 'e', 'E']).next().unwrap_or_default();
    let unit = match whole.len() {
        _ if scale == 0 || digits.contains(['e', 'E']) => None,
        12..=14 => Some("milliseconds"),
        15..=17 => Some("microseconds"),
        18..=20 => Some("nanoseconds"),
        _ => None,
    };
    match unit {
        Some(unit) => format!("{text:?} must be in seconds; it looks like {unit}"),
        None => format!("{text:?} is not a valid time: it is after the year 2042"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact() {
        for (text, scale, expected) in [
            ("1784491122.7544994", 9, 1_784_491_122_754_499_400),
            ("1.7844911227544994e9", 9, 1_784_491_122_754_499_400),
            ("1784491122754.4994E-3", 9, 1_784_491_122_754_499_400),
            ("-0.5", 9, -500_000_000),
            ("+0005", 9, 5_000_000_000),
            ("12", 0, 12),
            ("12.9", 0, 12),
            ("1e5", 0, 100_000),
            ("1.25e-3", 9, 1_250_000),
            ("0.0000000009", 9, 0),
            ("0", 9, 0),
            ("0.0", 0, 0),
        ] {
            let found = nanos(text, scale).map(Nanos::nanos);
            assert_eq!(found, Ok(expected), "{text}");
        }
    }

    #[test]
    fn invalid_times_are_refused_with_the_reason() {
        for (text, scale, expected) in [
            ("", 9, "a time is missing"),
            (".", 9, "is not a time"),
            ("nan", 9, "is not a time"),
            ("1.2.3", 9, "is not a time"),
            ("1e99", 9, "is not a time"),
            ("0x10", 0, "is not a time"),
            ("2026-09-20T10:00:00Z", 9, "not a date"),
            (
                "1790000000000",
                9,
                "must be in seconds; it looks like milliseconds",
            ),
            ("1790000000000.25", 9, "milliseconds"),
            ("1790000000000000", 9, "microseconds"),
            ("1790000000000000000", 9, "nanoseconds"),
            ("5000000000", 9, "after the year 2042"),
            ("99999999999999999999", 0, "after the year 2042"),
        ] {
            let error = nanos(text, scale).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
