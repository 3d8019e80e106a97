//! Small statistics: medians, quantiles, Student's t, least squares of two columns.

/// Returns the quantile `q` of `values`, interpolated linearly; 0 without values.
pub(crate) fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let at = q.clamp(0.0, 1.0) * last as f64;
    let low = at.floor() as usize;
    let high = (low + 1).min(last);
    sorted[low] + (sorted[high] - sorted[low]) * (at - low as f64)
}

/// Returns the median of `values`; 0 without values.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Returns the standard deviation (divided by n) of `values`; 0 without values.
pub(crate) fn deviation(values: &[f64]) -> f64 {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt()
}

/// Returns the 95 % quantile of Student's t with `df` degrees of freedom, by an expansion in
/// 1/df that is accurate to three digits from df = 4 on.
pub(crate) fn t95(df: f64) -> f64 {
    let z = 1.644_853_627_f64;
    let n = df.max(4.0);
    let z2 = z * z;
    z + z * (z2 + 1.0) / (4.0 * n)
        + z * ((5.0 * z2 + 16.0) * z2 + 3.0) / (96.0 * n * n)
        + z * (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / (384.0 * n * n * n)
}

/// Returns the non-negative pair (c0, c1) with the least `sum (a c0 + b c1 - y)^2`.
pub(crate) fn two_columns(rows: impl Iterator<Item = (f64, f64, f64)>) -> (f64, f64) {
    let (mut aa, mut ab, mut bb, mut ay, mut by) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (a, b, y) in rows {
        aa += a * a;
        ab += a * b;
        bb += b * b;
        ay += a * y;
        by += b * y;
    }
    let det = aa * bb - ab * ab;
    if det > 1e-12 * aa * bb {
        let (c0, c1) = ((bb * ay - ab * by) / det, (aa * by - ab * ay) / det);
        if c0 >= 0.0 && c1 >= 0.0 {
            return (c0, c1);
        }
    }
    let only = |xx: f64, xy: f64| if xx > 0.0 { (xy / xx).max(0.0) } else { 0.0 };
    let (c0, c1) = (only(aa, ay), only(bb, by));
    // One column alone: the one that explains more.
    if c0 * ay >= c1 * by {
        (c0, 0.0)
    } else {
        (0.0, c1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(quantile(&[0.0, 10.0], 0.25), 2.5);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn t_matches_tables() {
        assert!((t95(4.0) - 2.132).abs() < 5e-3);
        assert!((t95(30.0) - 1.697).abs() < 1e-3);
    }

    #[test]
    fn two_columns_never_turn_negative() {
        let rows = [(1.0, 0.0, 2.0), (0.0, 1.0, 3.0), (1.0, 1.0, 5.0)];
        let (a, b) = two_columns(rows.into_iter());
        assert!((a - 2.0).abs() < 1e-12 && (b - 3.0).abs() < 1e-12);
        let (a, b) = two_columns([(1.0, 2.0, -1.0), (2.0, 1.0, 1.0)].into_iter());
        assert!(a >= 0.0 && b == 0.0);
    }
}
