//! Builds the result of a rail: energies with intervals, groups and warnings.

use nalgebra::{DMatrix, DVector};

use super::fitted_rail::{ALPHAS, FittedRail, with_slope};
use super::groups::{ColumnGroup, groups};
use super::input::{FitKernel, PooledPrior};
use super::noise::Growth;
use super::offset::SensorOffset;
use super::outcome::{FitBasis, FitWarning, GroupFit, KindFit, RailOutcome};
use super::prior::PriorSet;
use super::rail::{Rail, powers};
use super::shares::{BlendedPowers, Shares, shares};
use crate::stats::t95;

/// Spread of log powers around proportional shares.
const FLAT_SD: f64 = 0.5;
/// Spread of the total of proportional shares.
const FLAT_TOTAL_SD: f64 = 0.05;
/// Spread of log powers of kinds about which the samples give no information,
const UNLEARNT_SD: f64 = 0.45;
/// and of those with less than `SMALL_SHARE` of the time, which often differ from the others.
const SMALL_UNLEARNT_SD: f64 = 0.9;
const SMALL_SHARE: f64 = 5e-3;
/// Spread of log powers within kinds that run in a fixed proportion.
const TIED_SD: f64 = 0.6;
/// Least relative error of a kind.
const LEAST_SD: f64 = 0.025;
/// Least relative error of a group.
const GROUP_SD: f64 = 0.02;
/// Weight of the fit below which shares count as assumed.
const ASSUMED: f64 = 0.2;

/// Uncertainties from which intervals and groups are computed.
struct FitSpread {
    /// Standard deviation of each column's log energy.
    sd: Vec<f64>,
    /// Covariance of log energies, for groups.
    covariance: DMatrix<f64>,
    resolution: Vec<f64>,
    t: f64,
}

/// Returns the result of one rail.
pub(super) fn rail(
    rail: &Rail<'_>,
    outcome: &FittedRail,
    offset: SensorOffset,
    kinds: usize,
) -> RailOutcome {
    let prior_set = rail.prior_set(outcome.view.idle);
    let prices = prices(rail, outcome, &prior_set);
    let growth = outcome.fitted.as_ref().map_or(
        Growth {
            length: 1.0,
            dynamic: 0.0,
        },
        |f| f.growth,
    );
    let totals = rail.totals(outcome.alpha);
    let shares = shares(rail, &outcome.view, &prices, growth, &totals);
    let spread = spread(rail, outcome, &prior_set, &prices, &shares);
    let ties = outcome.fitted.as_ref().map_or(&[][..], |f| &f.ties);
    let sets = groups(&shares.energy_j, &spread.covariance, ties);
    let solution = outcome.fitted.as_ref().map(|f| &f.solution);
    let w = prices.weight;
    RailOutcome {
        kinds: kind_fits(rail, &shares, &prices, &spread, &sets, &prior_set, kinds),
        groups: sets
            .iter()
            .map(|set| group_fit(rail, set, &spread, w))
            .collect(),
        alpha: outcome.alpha,
        weight: w,
        t: outcome.verdict.map(|v| v.t),
        gain: outcome.verdict.map(|v| v.gain),
        tau: solution.map_or(0.0, |s| s.tau),
        sigma: solution.map_or(0.0, |s| s.sigma),
        df: solution.map_or(0.0, |s| s.df),
        r2: solution.and_then(|_| r2(rail, outcome)),
        condition: condition(outcome),
        idle_w: w * prices.fit_idle_w + (1.0 - w) * prices.flat_idle_w,
        pool: pool(rail, outcome),
        warnings: warnings(rail, outcome, offset, &shares, &sets, w),
        windows: shares.windows,
    }
}

fn prices(rail: &Rail<'_>, outcome: &FittedRail, prior_set: &PriorSet<'_>) -> BlendedPowers {
    let view = &outcome.view;
    let n = rail.columns.len();
    let flat_w = if prior_set.any_known() {
        powers(view.level_w, &prior_set.means(view.level_w.ln()))
            .as_slice()
            .to_vec()
    } else {
        vec![1.0; n]
    };
    let fit_w = outcome
        .fitted
        .as_ref()
        .map(|f| powers(view.level_w, &f.solution.u).as_slice().to_vec());
    // A fit that explains power worse than its mean is rejected, even if it predicts well.
    let explains = r2(rail, outcome).is_none_or(|r2| r2 >= 0.0);
    BlendedPowers {
        weight: match (&fit_w, outcome.verdict) {
            (Some(_), Some(verdict)) if explains => verdict.weight,
            _ => 0.0,
        },
        fit_w: fit_w.unwrap_or_else(|| flat_w.clone()),
        flat_w,
        fit_idle_w: outcome
            .fitted
            .as_ref()
            .map_or(view.idle.watts, |f| f.solution.idle_w),
        flat_idle_w: view.idle.watts,
    }
}

/// Computes the spread of log energies from the fit, the fall-back, and the distance between
/// both if both have weight.
fn spread(
    rail: &Rail<'_>,
    outcome: &FittedRail,
    prior_set: &PriorSet<'_>,
    prices: &BlendedPowers,
    shares: &Shares,
) -> FitSpread {
    let n = rail.columns.len();
    let w = prices.weight;
    let total: f64 = shares.energy_j.iter().sum::<f64>().max(1e-300);
    let own = DVector::from_fn(n, |k, _| {
        prior_set.known[k].map_or(FLAT_SD * FLAT_SD, |known| known.variance)
    });
    let tied = DVector::from_fn(n, |k, _| own[k] * shares.energy_j[k] / total);
    let norm = (0..n)
        .map(|k| tied[k] * shares.energy_j[k] / total)
        .sum::<f64>()
        .max(1e-300);
    let mut covariance =
        (DMatrix::from_diagonal(&own) - &tied * tied.transpose() / norm) * (1.0 - w);
    let mut resolution = vec![0.0; n];
    let mut add = vec![0.0; n];
    let unlearnt_sd = unlearnt_sd(rail);
    if let Some(fit) = &outcome.fitted {
        let solution = &fit.solution;
        let cov = with_slope(&solution.covariance, outcome.slope.as_ref());
        let ln = |x: f64| x.max(1e-12 * total).ln();
        let apart = DVector::from_fn(n, |k, _| {
            (ln(shares.fit_j[k]) - ln(shares.flat_j[k])).clamp(-2.0, 2.0)
        });
        for k in 0..n {
            resolution[k] =
                (1.0 - cov[(k, k)] / prior_set.variance(k, solution.tau)).clamp(0.0, 1.0);
            let wide = if prior_set.known[k].is_some() {
                0.0
            } else {
                (unlearnt_sd[k].powi(2) - solution.tau.powi(2)).max(0.0)
            };
            add[k] = w * (1.0 - resolution[k]) * wide;
        }
        for k in fit
            .ties
            .iter()
            .flat_map(|(j, k)| [*j, *k])
            .filter(|k| prior_set.known[*k].is_none())
        {
            add[k] = add[k].max(w * TIED_SD.powi(2));
        }
        covariance += cov * w + &apart * apart.transpose() * (w * (1.0 - w));
    }
    let flat_total = (1.0 - w) * FLAT_TOTAL_SD.powi(2);
    let sd = (0..n)
        .map(|k| (covariance[(k, k)].max(0.0) + flat_total + add[k] + LEAST_SD.powi(2)).sqrt())
        .collect();
    let t = t95(outcome.fitted.as_ref().map_or(4.0, |f| f.solution.df));
    FitSpread {
        sd,
        covariance,
        resolution,
        t,
    }
}

/// For each column, the spread of the log power of one of its kinds without information.
fn unlearnt_sd(rail: &Rail<'_>) -> Vec<f64> {
    let seconds = rail.totals(1.0);
    let small = SMALL_SHARE * seconds.iter().sum::<f64>();
    let of_column = |(seconds, members): (&f64, &Vec<u32>)| match members.len().max(1) {
        count if *seconds < small * count as f64 => SMALL_UNLEARNT_SD,
        _ => UNLEARNT_SD,
    };
    seconds
        .iter()
        .zip(&rail.columns.members)
        .map(of_column)
        .collect()
}

fn kind_fits(
    rail: &Rail<'_>,
    shares: &Shares,
    prices: &BlendedPowers,
    spread: &FitSpread,
    sets: &[ColumnGroup],
    prior_set: &PriorSet<'_>,
    kinds: usize,
) -> Vec<KindFit> {
    let absent = KindFit {
        energy_j: 0.0,
        lo_j: 0.0,
        hi_j: 0.0,
        extrapolated_j: 0.0,
        power_w: None,
        fit_w: 0.0,
        flat_w: 0.0,
        resolution: 0.0,
        group: None,
        basis: FitBasis::Assumed,
    };
    let mut result = vec![absent; kinds];
    let total: f64 = shares.energy_j.iter().sum();
    let mut seconds = vec![0.0; kinds];
    rail.timeline
        .all(&super::timeline::weights(1.0), |kind, s| {
            seconds[kind as usize] += s
        });
    for (place, set) in sets.iter().enumerate() {
        for &column in &set.columns {
            let members = &rail.columns.members[column];
            let all: f64 = members
                .iter()
                .map(|k| seconds[*k as usize])
                .sum::<f64>()
                .max(1e-300);
            let (t, sd) = (spread.t, spread.sd[column]);
            let basis = basis(
                set,
                members.len(),
                spread.resolution[column],
                prices.weight,
                prior_set,
                column,
            );
            for &kind in members {
                let share = seconds[kind as usize] / all;
                let energy_j = shares.energy_j[column] * share;
                let hi_j = (energy_j * (t * sd).exp()).min(1.1 * total);
                result[kind as usize] = KindFit {
                    energy_j,
                    lo_j: (energy_j * (-t * sd).exp()).min(hi_j),
                    hi_j,
                    extrapolated_j: shares.extrapolated_j[column] * share,
                    power_w: Some(power(prices, shares, column)),
                    fit_w: prices.fit_w[column],
                    flat_w: prices.flat_w[column],
                    resolution: spread.resolution[column],
                    group: Some(place as u32),
                    basis,
                };
            }
        }
    }
    result
}

/// Returns the power that corresponds to the energy of a column.
fn power(prices: &BlendedPowers, shares: &Shares, column: usize) -> f64 {
    if shares.fit_j[column] > 0.0 {
        prices.fit_w[column] * shares.energy_j[column] / shares.fit_j[column]
    } else {
        prices.fit_w[column]
    }
}

fn basis(
    set: &ColumnGroup,
    members: usize,
    resolution: f64,
    weight: f64,
    prior_set: &PriorSet<'_>,
    column: usize,
) -> FitBasis {
    match &prior_set.known[column] {
        Some(_) if weight < ASSUMED || resolution < 0.9 || set.columns.len() > 1 => {
            if prior_set.pooled.is_some() {
                FitBasis::Pooled
            } else {
                FitBasis::Calibrated
            }
        }
        _ if weight < ASSUMED => FitBasis::Assumed,
        _ if set.columns.len() > 1 || members > 1 => FitBasis::Grouped,
        _ if resolution < 0.5 => FitBasis::Assumed,
        _ => FitBasis::Measured,
    }
}

fn group_fit(rail: &Rail<'_>, set: &ColumnGroup, spread: &FitSpread, weight: f64) -> GroupFit {
    let floor = (GROUP_SD.powi(2) + (1.0 - weight) * FLAT_TOTAL_SD.powi(2)) * set.energy_j.powi(2);
    let sd = (set.sd_j.powi(2) + floor).sqrt();
    let mut kinds: Vec<u32> = set
        .columns
        .iter()
        .flat_map(|c| rail.columns.members[*c].iter().copied())
        .collect();
    kinds.sort_unstable();
    GroupFit {
        kinds,
        energy_j: set.energy_j,
        lo_j: (set.energy_j - spread.t * sd).max(0.0),
        hi_j: set.energy_j + spread.t * sd,
    }
}

/// Share of the variance of power that the model explains.
fn r2(rail: &Rail<'_>, outcome: &FittedRail) -> Option<f64> {
    let fit = outcome.fitted.as_ref()?;
    let (_, residuals) = rail.residuals(&outcome.view, &fit.solution);
    let windows = &rail.windows;
    let mean_w = windows.energy_j.iter().sum::<f64>() / windows.seconds.iter().sum::<f64>();
    let all: f64 = (0..windows.len())
        .map(|i| (windows.energy_j[i] - mean_w * windows.seconds[i]).powi(2))
        .sum();
    (all > 0.0).then(|| 1.0 - residuals.iter().map(|r| r * r).sum::<f64>() / all)
}

/// The ratio of the largest to the smallest standard deviation of combinations of kinds.
fn condition(outcome: &FittedRail) -> f64 {
    let Some(fit) = &outcome.fitted else {
        return f64::INFINITY;
    };
    let n = fit.solution.u.len();
    let own = fit.solution.covariance.view((0, 0), (n, n)).into_owned();
    let values = own.symmetric_eigenvalues();
    (values.max() / values.min().max(1e-300)).max(1.0).sqrt()
}

fn pool(rail: &Rail<'_>, outcome: &FittedRail) -> Option<PooledPrior> {
    let fit = outcome.fitted.as_ref()?;
    let columns: Vec<usize> = (0..rail.columns.len())
        .filter(|c| rail.columns.members[*c].len() == 1)
        .collect();
    let cov = &fit.solution.covariance;
    Some(PooledPrior {
        kinds: columns
            .iter()
            .map(|c| rail.columns.members[*c][0])
            .collect(),
        ln_power: columns
            .iter()
            .map(|c| fit.solution.u[*c] + outcome.view.level_w.ln())
            .collect(),
        covariance: columns
            .iter()
            .flat_map(|a| columns.iter().map(move |b| cov[(*a, *b)]))
            .collect(),
        drift: 0.05,
    })
}

fn warnings(
    rail: &Rail<'_>,
    outcome: &FittedRail,
    offset: SensorOffset,
    shares: &Shares,
    sets: &[ColumnGroup],
    weight: f64,
) -> Vec<FitWarning> {
    let (samples, kinds) = (rail.windows.len(), rail.columns.len());
    let interval_ns = rail.windows.interval_ns();
    let mut list = Vec::new();
    let total: f64 = shares.energy_j.iter().sum();
    let outside = shares.extrapolated_j.iter().sum::<f64>() / total.max(1e-300);
    let tied: Vec<usize> = sets
        .iter()
        .map(|set| set.columns.len())
        .filter(|n| *n > 1)
        .collect();
    let blurred = rail.is_blurred();
    match (&outcome.fitted, rail.input.kernel) {
        (None, FitKernel::Trailing { ns }) if blurred => {
            list.push(FitWarning::OverlappingMeans { ns, interval_ns })
        }
        (None, _) if blurred => {}
        (None, _) if samples < kinds || samples < 10 => {
            list.push(FitWarning::FewSamples { samples, kinds })
        }
        (None, _) => list.push(FitWarning::NoSolution),
        (Some(_), _) if weight < ASSUMED => {
            list.push(FitWarning::KindsNotSeparated { samples, kinds })
        }
        (Some(_), _) if !tied.is_empty() => {
            list.push(FitWarning::KindsGrouped {
                kinds: tied.iter().sum(),
                groups: tied.len(),
                interval_ns,
            });
        }
        (Some(_), _) => {}
    }
    if !outcome.view.idle.measured {
        list.push(FitWarning::IdleNotMeasured);
    }
    if rail.windows.overlapping > 0 {
        list.push(FitWarning::OverlappingWindows {
            windows: rail.windows.overlapping,
        });
    }
    if rail.windows.left_out > 0 {
        list.push(FitWarning::WindowsLeftOut {
            windows: rail.windows.left_out,
        });
    }
    let edge = outcome.alpha <= ALPHAS[0];
    if outcome.fitted.is_some() && rail.is_concurrent() && edge {
        list.push(FitWarning::AlphaAtEdge {
            alpha: outcome.alpha,
        });
    }
    if offset.at_edge {
        list.push(FitWarning::OffsetAtEdge {
            clock_offset_ns: offset.ns as i64,
        });
    }
    if let Some((from, to)) = offset.changed {
        list.push(FitWarning::OffsetChanges {
            from_ns: from as i64,
            to_ns: to as i64,
        });
    }
    if outside > 0.05 {
        list.push(FitWarning::Extrapolated { share: outside });
    }
    if rail.columns.pooled > 0 {
        list.push(FitWarning::KindsPooled {
            kinds: rail.columns.pooled,
        });
    }
    list
}
