//! Wall-clock times.

/// Formats a wall-clock time in ns since 1970 as `2026-11-24 00:20:56Z`.
pub fn utc(unix_ns: i64) -> String {
    let seconds = unix_ns.div_euclid(1_000_000_000);
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z")
}

/// Formats a wall-clock time in ns since 1970 as RFC 3339 with microseconds:
/// `2026-11-24T00:20:56.123456Z`.
pub fn rfc3339(unix_ns: i64) -> String {
    let text = utc(unix_ns).replace(' ', "T");
    let micros = unix_ns.rem_euclid(1_000_000_000) / 1000;
    format!("{}.{micros:06}Z", text.trim_end_matches('Z'))
}

const DAYS_OF_400_YEARS: i64 = 146_097;
const FROM_YEAR_0_MARCH_TO_1970: i64 = 719_468;

/// Converts days since 1970-01-01 to year, month and day in the Gregorian calendar. Years
/// are counted from March, so that the leap day is the last one.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + FROM_YEAR_0_MARCH_TO_1970;
    let era = days.div_euclid(DAYS_OF_400_YEARS);
    let day_of_era = days.rem_euclid(DAYS_OF_400_YEARS);
    let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

/// Converts a date in the Gregorian calendar to days since 1970-01-01, or returns `None` if
/// there is no such day.
pub fn from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let in_range = (1..=9999).contains(&year) && (1..=12).contains(&month) && day >= 1;
    if !in_range {
        return None;
    }
    let (march_year, march_month) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let (era, year_of_era) = (march_year.div_euclid(400), march_year.rem_euclid(400));
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * DAYS_OF_400_YEARS + day_of_era - FROM_YEAR_0_MARCH_TO_1970;
    // February 30 would become a day in March.
    (civil(days) == (year, month, day)).then_some(days)
}

/// Returns the current time as part of a name: `20261125-093212-417`. Milliseconds
/// distinguish names created within a second.
pub fn stamp() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let unix_ns = since.map_or(0, |since| since.as_nanos());
    let text = utc(i64::try_from(unix_ns).unwrap_or(i64::MAX));
    let digits = |c: &char| c.is_ascii_digit() || *c == ' ';
    let digits: String = text.chars().filter(digits).collect();
    format!(
        "{}-{:03}",
        digits.replace(' ', "-"),
        unix_ns / 1_000_000 % 1_000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_rfc_3339_have_microseconds_and_an_offset() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(
            rfc3339(1_796_000_903_123_456_789),
            "2026-11-30T01:08:23.123456Z"
        );
    }

    #[test]
    fn known_times_are_formatted() {
        assert_eq!(utc(0), "1970-01-01 00:00:00Z");
        assert_eq!(utc(-1), "1969-12-31 23:59:59Z");
        assert_eq!(utc(951_782_400_000_000_000), "2000-02-29 00:00:00Z");
        assert_eq!(utc(1_795_479_656_000_000_000), "2026-11-24 00:20:56Z");
    }

    #[test]
    fn dates_round_trip_through_days() {
        for day in -40_000..40_000 {
            let (year, month, of_month) = civil(day);
            assert_eq!(from_civil(year, month, of_month), Some(day));
        }
        for none in [
            (2026, 2, 29),
            (2026, 13, 1),
            (2026, 4, 31),
            (2026, 1, 0),
            (0, 1, 1),
        ] {
            assert_eq!(from_civil(none.0, none.1, none.2), None, "{none:?}");
        }
        assert!(from_civil(2024, 2, 29).is_some());
    }

    #[test]
    fn each_day_follows_the_day_before() {
        let mut before = civil(-40_000);
        for day in -39_999..40_000 {
            let now = civil(day);
            let next_day = (before.0, before.1, before.2 + 1);
            let next_month = (before.0, before.1 + 1, 1);
            let next_year = (before.0 + 1, 1, 1);
            assert!(
                [next_day, next_month, next_year].contains(&now),
                "{before:?} {now:?}"
            );
            before = now;
        }
    }
}
