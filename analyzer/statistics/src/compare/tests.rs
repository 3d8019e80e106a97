//! Reference values are from scipy 1.17.1: `stats.t`, `stats.ttest_ind` with unequal variances
//! on logarithms, `stats.false_discovery_control`.

use proptest::prelude::*;

use super::*;
use crate::student::{quantile_of_two_tails, two_tails};

const MINUTE: i64 = 60_000_000_000;

/// Returns runs of one minute; the first starts at `start` minutes, each other `step` minutes
/// after the previous one.
fn runs(values: &[f64], start: i64, step: i64) -> Vec<RunSample> {
    let run = |(at, value): (usize, &f64)| {
        let start_unix_ns = (start + at as i64 * step) * MINUTE;
        RunSample {
            value: *value,
            start_unix_ns,
            end_unix_ns: start_unix_ns + MINUTE,
        }
    };
    values.iter().enumerate().map(run).collect()
}

/// Returns base and other interleaved, so that sessions do not matter.
fn interleaved(base: &[f64], other: &[f64]) -> (Vec<RunSample>, Vec<RunSample>) {
    (runs(base, 0, 2), runs(other, 1, 2))
}

fn near(found: Option<f64>, expected: f64) {
    let found = found.unwrap();
    assert!(
        (found - expected).abs() <= 1e-9 * expected.abs().max(1e-3),
        "{found} is not {expected}"
    );
}

#[test]
fn quantiles_and_tails_match_student_t() {
    let quantiles = [
        (1.0, 0.05, 12.706204736174694),
        (2.0, 0.05, 4.302652729749462),
        (3.7, 0.05, 2.8675207071911895),
        (4.0, 0.01, 4.604094871349992),
        (4.0, 0.4, 0.9409645772351816),
        (12.25, 0.05, 2.1738913883920628),
        (2.3, 0.0002, 44.429134328019195),
        (5.0, 2e-9, 98.93722520824214),
        (30.0, 0.8, 0.2556053649519128),
        (1e6, 0.05, 1.959966356814107),
        (f64::INFINITY, 0.05, 1.959963984540054),
    ];
    for (df, tails, expected) in quantiles {
        let found = quantile_of_two_tails(tails, df);
        assert!(
            (found / expected - 1.0).abs() < 1e-6,
            "{df} {tails}: {found}"
        );
    }
    let tails = [
        (1.0, 0.5, 0.7048327646991335),
        (2.0, 4.30265, 0.05000005876450579),
        (3.7, 2.5, 0.07182202291182678),
        (4.0, -1.0, 0.37390096630005887),
        (12.25, 10.0, 3.0052930218965646e-7),
        (7.9, 0.0, 1.0),
        (1e6, 1.96, 0.04999606758526985),
    ];
    for (df, t, expected) in tails {
        let found = two_tails(t, df);
        assert!((found / expected - 1.0).abs() < 1e-7, "{df} {t}: {found}");
    }
}

#[test]
fn welch_matches_scipy() {
    let base = [0.0912, 0.0934, 0.0921, 0.0940, 0.0919];
    let (a, b) = interleaved(&base, &[0.1003, 0.0981, 0.1042, 0.0997]);
    let found = compare(&a, &b, &ComparisonOptions::default());
    assert_eq!(found.layout, SessionLayout::Interleaved);
    near(found.ratio, 1.0868616438975032);
    near(found.lo, 1.0461259391208682);
    near(found.hi, 1.129183579912266);
    near(found.p, 0.003555642543254654);
    near(found.df, 4.1252139781066575);
    assert_eq!(found.verdict, SideVerdict::Worse);
    let strict = ComparisonOptions {
        confidence: 0.99,
        ..ComparisonOptions::default()
    };
    near(compare(&a, &b, &strict).lo, 1.0207082959965048);

    let (a, b) = interleaved(&[1.0, 1.1, 1.05], &[1.02, 1.2, 0.9]);
    let found = compare(&a, &b, &ComparisonOptions::default());
    near(found.ratio, 0.9843449426873746);
    near(found.lo, 0.7148295292984282);
    near(found.hi, 1.355476972454083);
    near(found.p, 0.8711392025337702);
    assert_eq!(found.verdict, SideVerdict::NoDifference);
    assert!(
        found
            .verdict_text()
            .starts_with("no difference shown (could see ")
    );
}

#[test]
fn few_runs_are_inconclusive() {
    let options = ComparisonOptions::default();
    let one = compare(&runs(&[2.0], 0, 1), &runs(&[4.0, 4.0], 1, 1), &options);
    assert_eq!(
        (one.ratio, one.lo, one.hi, one.p),
        (Some(2.0), None, None, None)
    );
    assert_eq!(one.verdict_text(), "inconclusive (one run)");
    let (a, b) = interleaved(&[2.0, 2.2], &[3.0, 3.1]);
    let two = compare(&a, &b, &options);
    near(two.lo, 0.9606361027728257);
    near(two.p, 0.05660157368772799);
    assert_eq!(two.verdict_text(), "inconclusive (two runs)");
    let (a, b) = interleaved(&[2.0, 2.000001], &[3.0, 3.000001]);
    let clear = compare(&a, &b, &options);
    assert!(clear.lo.unwrap() > 1.49);
    assert_eq!(clear.verdict, SideVerdict::Inconclusive);
    assert_eq!(gate(&clear, 0.05), GateOutcome::Undecided);
    assert_eq!(
        compare(&a, &[], &options).verdict_text(),
        "inconclusive (no run)"
    );
}

#[test]
fn values_without_a_logarithm_have_no_ratio() {
    for odd in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let (a, b) = interleaved(&[1.0, 1.1, odd], &[1.0, 1.2, 1.1]);
        for found in [
            compare(&a, &b, &ComparisonOptions::default()),
            compare(&b, &a, &ComparisonOptions::default()),
        ] {
            assert_eq!((found.ratio, found.p), (None, None));
            assert_eq!(
                found.verdict_text(),
                "inconclusive (not above zero in each run)"
            );
        }
        assert_eq!(geometric_mean(&a), None);
    }
    let mean = geometric_mean(&runs(&[2.0, 8.0], 0, 1)).unwrap();
    assert!((mean - 4.0).abs() < 1e-12);
}

#[test]
fn differences_below_the_minimum_effect_are_ignored() {
    let (a, b) = interleaved(&[1.0, 1.0001, 1.0002], &[1.005, 1.0051, 1.0052]);
    let strict = ComparisonOptions {
        min_effect: 0.001,
        ..ComparisonOptions::default()
    };
    assert_eq!(
        compare(&a, &b, &ComparisonOptions::default()).verdict,
        SideVerdict::Same
    );
    assert_eq!(compare(&a, &b, &strict).verdict, SideVerdict::Worse);
    assert_eq!(compare(&b, &a, &strict).verdict, SideVerdict::Better);
}

#[test]
fn identical_runs_are_decided_without_spread() {
    let (a, b) = interleaved(&[1.0; 3], &[1.5; 3]);
    let found = compare(&a, &b, &ComparisonOptions::default());
    assert_eq!(
        (found.lo, found.hi, found.p),
        (found.ratio, found.ratio, Some(0.0))
    );
    assert_eq!(found.verdict, SideVerdict::Worse);
    let (a, b) = interleaved(&[1.0; 3], &[1.0; 3]);
    let found = compare(&a, &b, &ComparisonOptions::default());
    assert_eq!((found.p, found.verdict), (Some(1.0), SideVerdict::Same));
}

/// Returns the width of the interval of the logarithm.
fn width(found: &Comparison) -> f64 {
    (found.hi.unwrap() / found.lo.unwrap()).ln()
}

#[test]
fn separate_sessions_add_their_variance() {
    let base = [1.0, 1.02, 0.98];
    let other = base.map(|value| value * 1.05);
    let options = ComparisonOptions::default();
    let (a, b) = interleaved(&base, &other);
    let turns = compare(&a, &b, &options);
    let blocks = compare(&runs(&base, 0, 1), &runs(&other, 3, 1), &options);
    let days = compare(&runs(&base, 0, 1), &runs(&other, 1440, 1), &options);
    assert_eq!(turns.layout, SessionLayout::Interleaved);
    assert_eq!(blocks.layout, SessionLayout::Apart);
    assert_eq!((days.lo, days.hi), (blocks.lo, blocks.hi));
    assert_eq!(
        (turns.verdict, days.verdict),
        (SideVerdict::Worse, SideVerdict::NoDifference)
    );
    // Two sessions' offsets of 2.5 % each: 1.25e-3 on top of the runs' own variance.
    let own = 2.0
        * [0.98_f64, 1.0, 1.02]
            .map(|v| (v.ln() + 1.333e-4).powi(2))
            .iter()
            .sum::<f64>()
        / 6.0;
    let expected = ((own + 1.25e-3) / own).sqrt();
    let t = |df| quantile_of_two_tails(0.05, df);
    let ratio = width(&days) / t(days.df.unwrap()) / (width(&turns) / t(turns.df.unwrap()));
    assert!((ratio / expected - 1.0).abs() < 0.01, "{ratio} {expected}");
    let none = ComparisonOptions {
        session_sd: 0.0,
        ..options
    };
    assert_eq!(
        compare(&runs(&base, 0, 1), &runs(&other, 3, 1), &none).lo,
        turns.lo
    );
}

#[test]
fn sessions_that_both_sides_share_cancel() {
    let pairs = |start| {
        (
            runs(&[1.0, 1.01, 1.02], start, 1440),
            runs(&[1.1, 1.11, 1.12], start + 1, 1440),
        )
    };
    let (a, b) = pairs(0);
    assert_eq!(
        compare(&a, &b, &ComparisonOptions::default()).layout,
        SessionLayout::Interleaved
    );
}

#[test]
fn samples_are_means_of_sessions_if_there_are_many() {
    let session = |values: [f64; 2], day: i64| runs(&values, day * 1440, 1);
    let a: Vec<RunSample> = [([1.0, 1.02], 0), ([1.1, 1.12], 1), ([1.05, 1.07], 2)]
        .into_iter()
        .flat_map(|(values, day)| session(values, day))
        .collect();
    let b: Vec<RunSample> = [([1.2, 1.22], 3), ([1.3, 1.32], 4), ([1.25, 1.27], 5)]
        .into_iter()
        .flat_map(|(values, day)| session(values, day))
        .collect();
    let found = compare(&a, &b, &ComparisonOptions::default());
    assert_eq!(
        (found.layout, found.samples),
        (SessionLayout::ManySessions, [3, 3])
    );
    let means = |side: &[RunSample]| -> Vec<f64> {
        side.chunks(2)
            .map(|two| (two[0].value * two[1].value).sqrt())
            .collect()
    };
    let (one, two) = interleaved(&means(&a), &means(&b));
    near(
        found.lo,
        compare(&one, &two, &ComparisonOptions::default())
            .lo
            .unwrap(),
    );
    // With few sessions on one side, the spread between sessions is assumed again.
    assert_eq!(
        compare(&a[..4], &b, &ComparisonOptions::default()).layout,
        SessionLayout::Apart
    );
}

#[test]
fn several_sides_share_one_error_rate() {
    let base = runs(&[1.0, 1.01, 0.99, 1.0], 0, 4);
    let others = [
        [1.2, 1.21, 1.19, 1.2],
        [1.02, 1.034, 1.008, 1.017],
        [1.0, 1.02, 0.98, 1.0],
    ];
    let at = |start: usize| runs(&others[start - 1], start as i64, 4);
    let sides = [at(1), at(2), at(3)];
    let options = ComparisonOptions {
        session_sd: 0.0,
        ..ComparisonOptions::default()
    };
    let alone: Vec<Comparison> = sides
        .iter()
        .map(|side| compare(&base, side, &options))
        .collect();
    let all = compare_all(&base, &sides, &options);
    near(all[0].p, alone[0].p.unwrap() * 3.0);
    near(all[1].p, alone[1].p.unwrap() * 2.0);
    near(all[2].p, alone[2].p.unwrap());
    // Significant alone, but not as one of three.
    assert!(alone[1].p.unwrap() < 0.05 && all[1].p.unwrap() > 0.05);
    let verdicts = |of: &[Comparison]| of.iter().map(|one| one.verdict).collect::<Vec<_>>();
    assert_eq!(
        verdicts(&alone),
        [
            SideVerdict::Worse,
            SideVerdict::Worse,
            SideVerdict::NoDifference
        ]
    );
    assert_eq!(
        verdicts(&all),
        [
            SideVerdict::Worse,
            SideVerdict::NoDifference,
            SideVerdict::NoDifference
        ]
    );
    assert!((all[0].confidence - (1.0 - 0.05 / 3.0)).abs() < 1e-12);
    assert_eq!(compare_all(&base, &sides[..1], &options), alone[..1]);
    assert_eq!(compare_all(&base, &[], &options), []);
}

#[test]
fn false_discoveries_are_bounded_over_all_nodes() {
    // Two nodes that differ and eight that do not.
    let base = [1.0, 1.02, 0.98, 1.01, 0.99];
    let item = |factor: f64| {
        let (base, other) = interleaved(&base, &base.map(|value| value * factor));
        Item { base, other }
    };
    let factors = [1.3, 1.2, 1.021, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
    let items: Vec<Item> = factors.iter().map(|factor| item(*factor)).collect();
    let options = ComparisonOptions::default();
    let found = nodes(&items, &options);
    let alone = compare(&items[1].base, &items[1].other, &options);
    near(found[1].p, (alone.p.unwrap() * 10.0 / 2.0).min(1.0));
    for (at, one) in found.iter().enumerate() {
        assert_eq!(one.verdict == SideVerdict::Worse, at < 2, "{at}");
        let excluded = one.lo.unwrap() > 1.0 || one.hi.unwrap() < 1.0;
        assert_eq!(excluded, one.p.unwrap() <= 0.05, "{at}");
        // Two of ten are selected: intervals have the level 1 - 0.05 * 2 / 10.
        assert!((one.confidence - 0.99).abs() < 1e-12);
    }
    let odd = Item::default();
    let with = nodes(&[items[0].clone(), odd], &options);
    assert_eq!(
        with[0].p,
        compare(&items[0].base, &items[0].other, &options).p
    );
    assert_eq!(with[1].reason, Some(Reason::NoRun));
    assert_eq!(nodes(&[], &options), []);
}

#[test]
fn a_gate_needs_the_whole_interval() {
    let (a, b) = interleaved(&[1.0, 1.01, 0.99], &[1.2, 1.21, 1.19]);
    let found = compare(&a, &b, &ComparisonOptions::default());
    assert_eq!(gate(&found, 0.05), GateOutcome::Regression);
    assert_eq!(gate(&found, 0.20), GateOutcome::Undecided);
    assert_eq!(gate(&found, 0.30), GateOutcome::Pass);
}

fn sides() -> impl Strategy<Value = (Vec<f64>, Vec<f64>, i64)> {
    let side = || prop::collection::vec(1e-6..1e6_f64, 1..8);
    (side(), side(), 0..200_i64)
}

proptest! {
    #[test]
    fn swapping_sides_inverts_the_ratio((one, two, later) in sides()) {
        let (a, b) = (runs(&one, 0, 2), runs(&two, later, 2));
        let options = ComparisonOptions::default();
        let (there, back) = (compare(&a, &b, &options), compare(&b, &a, &options));
        let close = |x: Option<f64>, y: Option<f64>| match (x, y) {
            (Some(x), Some(y)) => (x * y - 1.0).abs() < 1e-6 || x.min(y) < 1e-200,
            (x, y) => x == y,
        };
        prop_assert!(close(there.ratio, back.ratio));
        prop_assert!(close(there.lo, back.hi));
        prop_assert!(close(there.hi, back.lo));
        prop_assert_eq!(there.layout, back.layout);
        let mirrored = match there.verdict {
            SideVerdict::Better => SideVerdict::Worse,
            SideVerdict::Worse => SideVerdict::Better,
            other => other,
        };
        prop_assert_eq!(mirrored, back.verdict);
    }

    #[test]
    fn units_do_not_matter((one, two, later) in sides(), factor in 1e-3..1e3_f64) {
        let scaled = |values: &[f64]| values.iter().map(|v| v * factor).collect::<Vec<_>>();
        let options = ComparisonOptions::default();
        let plain = compare(&runs(&one, 0, 2), &runs(&two, later, 2), &options);
        let other = compare(&runs(&scaled(&one), 0, 2), &runs(&scaled(&two), later, 2), &options);
        prop_assert!((plain.ratio.unwrap() / other.ratio.unwrap() - 1.0).abs() < 1e-9);
        prop_assert_eq!(plain.verdict, other.verdict);
        if let (Some(p), Some(q)) = (plain.p, other.p) {
            prop_assert!((p - q).abs() < 1e-6);
        }
    }

    #[test]
    fn intervals_contain_the_ratio((one, two, later) in sides()) {
        let found = compare(&runs(&one, 0, 2), &runs(&two, later, 2), &ComparisonOptions::default());
        if let (Some(lo), Some(hi)) = (found.lo, found.hi) {
            let ratio = found.ratio.unwrap();
            prop_assert!(lo <= ratio && ratio <= hi);
            let excluded = lo > 1.0 || hi < 1.0;
            prop_assert_eq!(excluded, found.p.unwrap() < 0.05);
        }
    }
}
