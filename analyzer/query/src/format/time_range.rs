//! Parsing of times and ages in options.

use super::time::from_civil;

const SECOND_NS: i64 = 1_000_000_000;
const MINUTE_NS: i64 = 60 * SECOND_NS;
const DAY_NS: i64 = 24 * 60 * MINUTE_NS;

/// A range of wall-clock time in ns since 1970: a day, a minute, a second, or the single
/// nanosecond of an age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// First nanosecond.
    pub first_ns: i64,
    /// Last nanosecond.
    pub last_ns: i64,
}

/// Parses `2026-11-01`, `2026-11-01T12:30`, `2026-11-01 12:30:15Z` (all UTC), or an age
/// before `now_unix_ns`: `7d`, `12h`, `30m`, `2w`.
///
/// # Errors
/// Describes the accepted format.
pub fn parse_time_range(text: &str, now_unix_ns: i64) -> Result<TimeRange, String> {
    if let Ok(age_ns) = parse_age(text) {
        let time_point = now_unix_ns.saturating_sub(age_ns);
        return Ok(TimeRange {
            first_ns: time_point,
            last_ns: time_point,
        });
    }
    let found = date(text)
        .ok_or_else(|| format!("`{text}` is not a date; write 2026-11-01, 2026-11-01T12:30 or 7d"));
    let (first_ns, length_ns) = found?;
    Ok(TimeRange {
        first_ns,
        last_ns: first_ns + length_ns - 1,
    })
}

/// Parses an age to ns: `30m`, `12h`, `7d`, `2w`.
///
/// # Errors
/// Describes the accepted format.
pub fn parse_age(text: &str) -> Result<i64, String> {
    let units = [
        ('m', MINUTE_NS),
        ('h', 60 * MINUTE_NS),
        ('d', DAY_NS),
        ('w', 7 * DAY_NS),
    ];
    let known = units.into_iter().find_map(|(unit, ns)| {
        let number = text.strip_suffix(unit)?;
        let plain = number.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| number.parse::<i64>().ok()?.checked_mul(ns))?
    });
    known.ok_or_else(|| format!("`{text}` is not an age; write 30m, 12h, 7d or 2w"))
}

/// Parses a time to ns since 1970: `2026-11-01T12:30:15.25+01:00` (UTC without an offset),
/// or seconds since 1970, `1793536215.25`.
pub fn parse_moment(text: &str) -> Option<i64> {
    if !text.contains(['-', ':']) {
        return seconds(text);
    }
    let (text, east_ns) = match text.rsplit_once(['+', '-']) {
        Some((time_point, zone)) if time_point.contains(':') => {
            let [hours, minutes] = numbers(zone, ':', [2, 2])?;
            let ns = (hours * 60 + minutes) * MINUTE_NS;
            let east = text.as_bytes().get(time_point.len()) == Some(&b'+');
            (time_point, if east { ns } else { -ns })
        }
        _ => (text.strip_suffix(['Z', 'z']).unwrap_or(text), 0),
    };
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let (first_ns, length_ns) = date(&whole.replace('t', "T"))?;
    let is_moment = length_ns < DAY_NS && (length_ns == SECOND_NS || part == "0");
    let part_ns = seconds(&format!("0.{part}"))?;
    is_moment.then_some(first_ns + part_ns - east_ns)
}

/// Parses decimal seconds exactly to ns.
fn seconds(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !plain(whole) || !plain(part) {
        return None;
    }
    let part_ns: i64 = format!("{part:0<9}")[..9].parse().ok()?;
    let whole: i64 = whole.parse().ok()?;
    whole.checked_mul(SECOND_NS)?.checked_add(part_ns)
}

/// Parses a date with an optional time to its start and length in ns.
fn date(text: &str) -> Option<(i64, i64)> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (day, time) = match text.split_once(['T', ' ']) {
        Some((day, time)) => (day, Some(time)),
        None => (text, None),
    };
    let [year, month, day] = numbers(day, '-', [4, 2, 2])?;
    let midnight = from_civil(year, month, day)?.checked_mul(DAY_NS)?;
    let Some(time) = time else {
        return Some((midnight, DAY_NS));
    };
    let (hour, minute, second, length_ns) = match numbers(time, ':', [2, 2]) {
        Some([hour, minute]) => (hour, minute, 0, MINUTE_NS),
        None => {
            let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
            (hour, minute, second, SECOND_NS)
        }
    };
    let valid = hour < 24 && minute < 60 && second < 60;
    let of_day = (hour * 60 + minute) * MINUTE_NS + second * SECOND_NS;
    valid.then_some((midnight + of_day, length_ns))
}

/// Parses numbers with the given counts of digits.
fn numbers<const N: usize>(text: &str, between: char, digits: [usize; N]) -> Option<[i64; N]> {
    let parts: Vec<&str> = text.split(between).collect();
    if parts.len() != N {
        return None;
    }
    let mut numbers = [0; N];
    for ((number, part), digits) in numbers.iter_mut().zip(parts).zip(digits) {
        let plain = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        *number = plain.then(|| part.parse().ok())??;
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_range_and_an_age_a_single_time() {
        let now = 1_795_479_656_000_000_000;
        let day = parse_time_range("2026-11-24", now).unwrap();
        assert_eq!(crate::format::utc(day.first_ns), "2026-11-24 00:00:00Z");
        assert_eq!(crate::format::utc(day.last_ns), "2026-11-24 23:59:59Z");
        assert_eq!(crate::format::utc(day.last_ns + 1), "2026-11-25 00:00:00Z");
        let minute = parse_time_range("2026-11-24T00:20", now).unwrap();
        assert!((minute.first_ns..=minute.last_ns).contains(&now));
        let second = parse_time_range("2026-11-24 00:20:56Z", now).unwrap();
        assert_eq!(
            (second.first_ns, second.last_ns),
            (now, now + SECOND_NS - 1)
        );
        let ago = parse_time_range("2d", now).unwrap();
        assert_eq!(
            (ago.first_ns, ago.last_ns),
            (now - 2 * DAY_NS, now - 2 * DAY_NS)
        );
    }

    #[test]
    fn times_have_offsets_and_decimals() {
        let whole = 1_795_479_656 * SECOND_NS;
        for (text, expected) in [
            ("1795479656", whole),
            ("1795479656.25", whole + SECOND_NS / 4),
            ("2026-11-24T00:20:56Z", whole),
            ("2026-11-24t00:20:56.000000001z", whole + 1),
            ("2026-11-24 02:20:56.5+02:00", whole + SECOND_NS / 2),
            ("2026-11-23T19:20:56-05:00", whole),
            ("2026-11-24T00:20", whole - 56 * SECOND_NS),
        ] {
            assert_eq!(parse_moment(text), Some(expected), "{text}");
        }
        for wrong in [
            "",
            "x",
            "1e9",
            "-5",
            "2026-11-24",
            "2026-11-24T00:20.5",
            "1.",
            "99999999999",
        ] {
            assert_eq!(parse_moment(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn invalid_times_are_rejected() {
        for wrong in [
            "",
            "7",
            "d",
            "-7d",
            "+7d",
            "1.5d",
            "7 d",
            "99999999999999999d",
            "2026-1-1",
            "2026-02-30",
            "2026-11-24T25:00",
            "2026-11-24T12",
            "yesterday",
            "２０２６-11-24",
        ] {
            assert!(parse_time_range(wrong, 0).is_err(), "{wrong}");
        }
        assert!(parse_age("2026-11-24").is_err());
    }
}
