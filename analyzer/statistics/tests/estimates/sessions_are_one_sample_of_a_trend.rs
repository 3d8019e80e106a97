//! Runs of one session share its state, so a trend over days takes one sample of each session.

use std::time::Duration;

use energy_statistics::trend::{TrendDirection, session_means};
use energy_statistics::{NotEstimable, TrendPoint, trend};

const MINUTE_NS: i64 = 60_000_000_000;
const GAP: Duration = Duration::from_secs(30 * 60);

fn point(minute: i64, value: f64) -> TrendPoint {
    TrendPoint {
        unix_ns: minute * MINUTE_NS,
        value,
    }
}

/// ```text
/// minutes  0  20  40 | 100 | 200 220
/// ```
#[test]
fn a_pause_longer_than_the_gap_begins_a_session() {
    let runs = [
        (220, 9.0),
        (0, 1.0),
        (20, 2.0),
        (100, 5.0),
        (40, 4.0),
        (200, 4.0),
    ];
    let runs = runs.map(|(minute, value)| point(minute, value));
    let found = session_means(&runs, GAP).unwrap();
    let expected = [(20, 2.0), (100, 5.0), (210, 6.0)];
    assert_eq!(found.len(), expected.len());
    for (found, (minute, value)) in found.iter().zip(expected) {
        assert_eq!(found.unix_ns, minute * MINUTE_NS);
        assert!((found.value - value).abs() < 1e-12, "{found:?}");
    }
    let bad = session_means(&[point(0, -1.0)], GAP);
    assert_eq!(bad, Err(NotEstimable::NotPositive { value: -1.0 }));
}

/// Two sessions of twenty runs each: their difference is that of two sessions, not a trend of
/// forty samples.
#[test]
fn two_sessions_show_no_trend() {
    let session = |start: i64, value: f64| {
        (0..20).map(move |at| point(start + at, value * (1.0 + 0.001 * (at % 3) as f64)))
    };
    let runs: Vec<TrendPoint> = session(0, 1.0).chain(session(3000, 1.02)).collect();
    assert_eq!(
        trend(&runs, 0.95).unwrap().direction,
        TrendDirection::Rising
    );
    let sessions = session_means(&runs, GAP).unwrap();
    let found = trend(&sessions, 0.95);
    assert!(matches!(
        found,
        Err(NotEstimable::TooFew {
            found: 2,
            needed: 5,
            ..
        })
    ));
}
