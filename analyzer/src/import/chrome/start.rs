//! When a trace began, by the wall clock.
//!
//! tracing-chrome counts from the moment that its layer was made, and does not say when
//! that was; but its default file name does: `trace-<microseconds since 1970>.json`. Not
//! so the name of a file that `start_new` began: it has the time of the file, while the
//! layer's clock runs on. Both look alike, so a name is believed only as long as the power
//! agrees with it ([`Start::is_named`]).

use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::import::trace::LATEST_NS;
use crate::runs::parse_moment;

/// 2001 and 2100, in microseconds since 1970.
const PLAUSIBLE_US: std::ops::Range<i64> = 1_000_000_000_000_000..4_102_444_800_000_000;

/// When the trace's clock read zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Start {
    /// ns since 1970.
    pub(super) zero_unix_ns: Option<i64>,
    /// Whether that can be relied on to within seconds.
    pub(super) is_known: bool,
    /// Whether the file's name says so, which may be later than the start.
    pub(super) is_named: bool,
    /// Where it is known from.
    pub(super) from: &'static str,
}

/// Finds out when the trace in `path` began, whose events are from `first_ns` to
/// `last_ns` of its own clock; `given` wins.
pub(super) fn start(path: &Path, given: Option<i64>, (first_ns, last_ns): (i64, i64)) -> Start {
    let known = |zero_unix_ns, from| Start {
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
    if let Some(unix_ns) = named(path) {
        return Start {
            is_named: true,
            ..known(unix_ns, "the file's name")
        };
    }
    let written = std::fs::metadata(path).and_then(|file| file.modified());
    let written = written
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let written = written.and_then(|since| i64::try_from(since.as_nanos()).ok());
    Start {
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

/// What tracing-chrome's own file name tells.
fn named(path: &Path) -> Option<i64> {
    let stem = path.file_stem()?.to_str()?;
    let micros: i64 = stem.strip_prefix("trace-")?.parse().ok()?;
    PLAUSIBLE_US.contains(&micros).then(|| micros * 1_000)
}

/// Reads a moment: seconds since 1970, or a date and time (UTC unless it says how far
/// it is from it), with as many decimals of a second as wanted; ns since 1970.
///
/// # Errors
/// Says what is accepted.
pub fn parse_start(text: &str) -> Result<i64, String> {
    parse_moment(text).ok_or_else(|| {
        format!(
            "`{text}` is no moment; write it like 2026-11-01T12:30:15.25Z or 1793536215.25 \
             (seconds since 1970)"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_name_tells_the_start() {
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
