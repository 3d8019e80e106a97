//! Finds the wall-clock start of a trace.
//!
//! tracing-chrome counts from the creation of its layer and does not record that time, but its
//! default file name contains it: `trace-<microseconds since 1970>.json`. The name of a file
//! begun by `start_new` contains the time of that file instead, while the layer's clock
//! continues. Both names look alike, so a name is trusted only if the power agrees with it
//! ([`TraceStart::is_named`]).

use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::format::parse_moment;
use crate::import::trace::LATEST_NS;

/// 2001 and 2100, in microseconds since 1970.
const PLAUSIBLE_US: std::ops::Range<i64> = 1_000_000_000_000_000..4_102_444_800_000_000;

/// Time at which the trace's clock read zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TraceStart {
    /// ns since 1970.
    pub(super) zero_unix_ns: Option<i64>,
    /// Whether the time is reliable to within seconds.
    pub(super) is_known: bool,
    /// Whether the time is from the file's name, which may be later than the start.
    pub(super) is_named: bool,
    /// Source of the time.
    pub(super) from: &'static str,
}

/// Finds the start of the trace in `path`, whose events range from `first_ns` to `last_ns` of
/// its own clock; `given` takes precedence.
pub(super) fn start(
    path: &Path,
    given: Option<i64>,
    (first_ns, last_ns): (i64, i64),
) -> TraceStart {
    let known = |zero_unix_ns, from| TraceStart {
        zero_unix_ns: Some(zero_unix_ns),
        is_known: true,
        is_named: false,
        from,
    };
    if let Some(unix_ns) = given {
        return known(unix_ns, "--start");
    }
    if PLAUSIBLE_US.contains(&(first_ns / 1_000)) {
        return known(0, "its timestamps, which count from 1970");
    }
    if let Some(unix_ns) = time_in_name(path) {
        return TraceStart {
            is_named: true,
            ..known(unix_ns, "the file's name")
        };
    }
    let written = std::fs::metadata(path).and_then(|file| file.modified());
    let written = written
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let written = written.and_then(|since| i64::try_from(since.as_nanos()).ok());
    TraceStart {
        zero_unix_ns: written.map(|written| {
            written
                .min(LATEST_NS.saturating_mul(2))
                .saturating_sub(last_ns)
        }),
        is_known: false,
        is_named: false,
        from: "the file's modification, which copying changes",
    }
}

/// Returns the time in tracing-chrome's default file name.
fn time_in_name(path: &Path) -> Option<i64> {
    let stem = path.file_stem()?.to_str()?;
    let micros: i64 = stem.strip_prefix("trace-")?.parse().ok()?;
    PLAUSIBLE_US.contains(&micros).then(|| micros * 1_000)
}

/// Parses a time: seconds since 1970, or a date and time (UTC unless it has a UTC offset), with
/// any number of decimals; returns ns since 1970.
///
/// # Errors
/// Returns a message with the accepted formats.
pub fn parse_start(text: &str) -> Result<i64, String> {
    parse_moment(text).ok_or_else(|| {
        format!(
            "`{text}` is not a time; write it like 2026-11-01T12:30:15.25Z or 1793536215.25 \
             (seconds since 1970)"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_name_contains_the_start() {
        let found = |name: &str| start(Path::new(name), None, (0, 5)).zero_unix_ns;
        let expected = Some(1_790_000_000_123_456_000);
        assert_eq!(found("here/trace-1790000000123456.json"), expected);
        for other in [
            "trace.json",
            "trace-12.json",
            "trace-x.json",
            "trace-99999999999999999.json",
        ] {
            assert_eq!(found(other), None, "{other}");
        }
        let given = start(Path::new("trace-1790000000123456.json"), Some(7), (0, 5));
        assert_eq!((given.zero_unix_ns, given.is_known), (Some(7), true));
        let unix_ns = 1_790_000_000_000_000_000;
        let counted = start(Path::new("a.json"), None, (unix_ns, unix_ns + 1));
        assert_eq!((counted.zero_unix_ns, counted.is_known), (Some(0), true));
    }
}
