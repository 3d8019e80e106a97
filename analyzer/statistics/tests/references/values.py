"""Writes the reference values of the tests, computed by numpy and scipy.

    python3 -m venv venv && venv/bin/pip install numpy scipy
    venv/bin/python analyzer/statistics/tests/references/values.py

Made with numpy 2 and scipy 1.17.1. Nothing here shares code or formulas with the crate: intervals
come from scipy's distributions, coefficients from general optimisers, and left-out fits from
complete fits.
"""

import itertools
import json
from pathlib import Path

import numpy as np
from scipy import optimize, stats

RANDOM = np.random.default_rng(20261129)


def power_law():
    x = np.array([1.35e8, 3.6e8, 7.0e8, 1.7e9, 3.2e9, 7.1e9])
    runs = (2e-8 * x[:, None] ** 0.87) * np.exp(
        0.1 * RANDOM.standard_normal((6, 1)) + 0.02 * RANDOM.standard_normal((6, 3)))
    lx, ly = np.log(x), np.log(runs).mean(axis=1)
    fit = stats.linregress(lx, ly)
    answer = {"x": x.tolist(), "runs": runs.tolist(), "exponent": fit.slope,
              "coefficient": float(np.exp(fit.intercept)), "r_squared": fit.rvalue ** 2, "intervals": []}
    for confidence in (0.9, 0.95):
        t = stats.t.ppf(0.5 + confidence / 2, 4)
        answer["intervals"].append({
            "confidence": confidence, "lo": fit.slope - t * fit.stderr, "hi": fit.slope + t * fit.stderr})
    # Prediction interval at 5e9 by the textbook formula with numpy's covariance of coefficients.
    coefficients, covariance = np.polyfit(lx, ly, 1, cov=True)
    at = np.array([np.log(5e9), 1.0])
    residual = np.sum((ly - np.polyval(coefficients, lx)) ** 2) / 4
    mean = at @ coefficients
    t = stats.t.ppf(0.95, 4)
    for name, own in (("mean", 0.0), ("new", residual)):
        half = t * np.sqrt(at @ covariance @ at + own)
        answer[name] = [float(np.exp(mean - half)), float(np.exp(mean)), float(np.exp(mean + half))]
    return answer


def units(workload):
    i, o, b = workload
    return [1.0, b * i, o, b * o, b * o * (i + o / 2)]


def fit_energy(workloads, energies):
    """Non-negative coefficients by a general optimiser on the logarithms."""
    x, y = np.array([units(one) for one in workloads]), np.array(energies)
    scale = np.linalg.norm(x / y[:, None], axis=0)
    scaled = x / scale
    start = np.full(5, 0.2) / (scaled / y[:, None]).mean(axis=0) / 5
    best = None
    for factor in (0.3, 1.0, 3.0):
        found = optimize.least_squares(
            lambda b: np.log(y) - np.log(scaled @ b), start * factor, bounds=(0, np.inf),
            xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=20000)
        best = found if best is None or found.cost < best.cost else best
    return lambda one: float(np.array(units(one)) / scale @ best.x)


def prediction():
    cases = []
    for batches, noise in (((1.0,), 0.08), ((1.0, 4.0), 0.05)):
        workloads = [(i, o, b) for i in (32.0, 256.0, 1024.0) for o in (16.0, 64.0, 256.0) for b in batches]
        truth = np.array([15.0, 0.04, 0.3, 0.08, 3e-5])
        energies = [float(np.array(units(one)) @ truth * np.exp(noise * RANDOM.standard_normal()))
                    for one in workloads]
        new = (300.0, 100.0, batches[-1])
        whole = fit_energy(workloads, energies)
        lows, highs = [], []
        for left in range(len(workloads)):
            rest = [at for at in range(len(workloads)) if at != left]
            model = fit_energy([workloads[at] for at in rest], [energies[at] for at in rest])
            error = abs(np.log(energies[left] / model(workloads[left])))
            lows.append(np.log(model(new)) - error)
            highs.append(np.log(model(new)) + error)
        rank = 0.9 * (len(workloads) + 1)
        ranks = np.arange(1, len(workloads) + 1)
        high = float(np.exp(np.interp(rank, ranks, np.sort(highs))))
        low = float(np.exp(-np.interp(rank, ranks, np.sort(-np.array(lows)))))
        cases.append({"workloads": workloads, "energies": energies, "new": new,
                      "fitted": [whole(one) for one in workloads], "predicted": whole(new), "lo": low, "hi": high})
    return cases


def hinge():
    """Equal numbers of runs; errors relative to the weighted line; each place by lstsq."""
    x = np.array([128.0 * at for at in range(1, 13)])
    cases = []
    for bend in (0.0, 1e-3):
        y = (1 + 1e-3 * x + bend * np.maximum(0, x - 700)) * np.exp(0.03 * RANDOM.standard_normal(12))

        def weighted(columns, size, values):
            a = np.column_stack(columns) / size[:, None]
            b = np.linalg.lstsq(a, values / size, rcond=None)[0]
            return b, np.sum((values / size - a @ b) ** 2)

        first = weighted([np.ones(12), x], y, y)[0]
        size = first[0] + first[1] * x

        def ratio(values):
            line = weighted([np.ones(12), x], size, values)[1]
            squares = [weighted([np.ones(12), x, np.maximum(0, x - k)], size, values)[1] for k in places]
            best = int(np.argmin(squares))
            return (line - squares[best]) / squares[best], best

        places = np.concatenate([np.linspace(x[at], x[at + 1], 9)[:-1] for at in range(1, 9)] + [[x[9]]])
        observed, best = ratio(y)
        fitted = weighted([np.ones(12), x, np.maximum(0, x - places[best])], size, y)[0]
        simulated = [ratio(size * RANDOM.standard_normal(12))[0] for _ in range(2000)]
        cases.append({"x": x.tolist(), "y": y.tolist(), "place": float(places[best]),
                      "before": fitted[1], "after": fitted[1] + fitted[2],
                      "p": float(np.mean(np.array(simulated) >= observed))})
    return cases


def ranks():
    cases = []
    for n, tied in ((5, False), (8, False), (8, True), (15, False)):
        x = RANDOM.standard_normal(n)
        y = x + 1.2 * RANDOM.standard_normal(n)
        if tied:
            x, y = np.round(x), np.round(y)
        rho = stats.spearmanr(x, y).statistic
        if n <= 8:
            rx, ry = stats.rankdata(x), stats.rankdata(y)
            all_rho = [np.corrcoef(rx, permuted)[0, 1] for permuted in itertools.permutations(ry)]
            p = float(np.mean(np.abs(all_rho) >= abs(rho) - 1e-9))
        else:
            p = float(stats.spearmanr(x, y).pvalue)
        cases.append({"x": x.tolist(), "y": y.tolist(), "rho": rho, "p": p})
    return cases


def regression():
    n = 12
    layers = np.exp(RANDOM.uniform(2, 4, n))
    hidden = np.exp(RANDOM.uniform(6, 9, n))
    y = layers * hidden ** 2 * np.exp(0.1 * RANDOM.standard_normal(n))
    z = np.column_stack([np.log(layers), np.log(hidden)])
    standard = (z - z.mean(axis=0)) / z.std(axis=0)
    design = np.column_stack([np.ones(n), z])
    b, squares = np.linalg.lstsq(design, np.log(y), rcond=None)[:2]
    covariance = np.linalg.inv(design.T @ design) * squares[0] / (n - 3)
    t = stats.t.ppf(0.975, n - 3)
    return {"layers": layers.tolist(), "hidden": hidden.tolist(), "y": y.tolist(),
            "condition": float(np.linalg.cond(standard)),
            "exponents": [[b[at] - t * np.sqrt(covariance[at, at]), b[at], b[at] + t * np.sqrt(covariance[at, at])]
                          for at in (1, 2)]}


def trend():
    cases = []
    for n in (6, 30, 80):
        days = np.sort(RANDOM.uniform(0, 20, n))
        days[0] = 0.0
        values = np.exp(0.004 * days + 0.03 * RANDOM.standard_normal(n))
        unix_ns = [1_700_000_000_000_000_000 + int(day * 86_400e9) for day in days]
        slopes = np.sort([(np.log(values[b]) - np.log(values[a])) / (days[b] - days[a])
                          for a in range(n) for b in range(a + 1, n)])
        # Kendall's exact test by scipy: the slopes at which the remaining trend stops being significant.
        method = "exact" if n <= 30 else "asymptotic"

        def significant(slope):
            return stats.kendalltau(days, np.log(values) - slope * days, method=method).pvalue <= 0.05

        inside = [slope for slope in (slopes[1:] + slopes[:-1]) / 2 if not significant(slope)]
        low = float(slopes[slopes < min(inside)].max())
        high = float(slopes[slopes > max(inside)].min())
        cases.append({"unix_ns": unix_ns, "values": values.tolist(),
                      "slope": float(stats.theilslopes(np.log(values), days)[0]), "lo": low, "hi": high})
    return cases


VALUES = {"power_law": power_law(), "prediction": prediction(), "hinge": hinge(), "ranks": ranks(),
          "regression": regression(), "trend": trend()}
Path(__file__).with_name("values.json").write_text(json.dumps(VALUES, indent=1) + "\n")
