//! Data of a plot.

use serde::Serialize;

/// Unit of an axis, which selects the format of its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum Unit {
    /// Joules per token.
    #[serde(rename = "J/token")]
    JoulePerToken,
    /// Joules.
    #[serde(rename = "J")]
    Joule,
    /// Tokens per second.
    #[serde(rename = "tokens/s")]
    TokenPerSecond,
    /// A number without a unit.
    #[default]
    #[serde(rename = "1")]
    Number,
    /// Nanoseconds since 1970.
    #[serde(rename = "time")]
    Time,
}

/// Scale of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AxisScale {
    /// Linear.
    #[default]
    Linear,
    /// Logarithmic; values are positive.
    Log,
    /// Names at equal distances; values are their indexes.
    Names,
}

/// An axis.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PlotAxis {
    /// What it shows.
    pub label: String,
    /// Unit of its values.
    pub unit: Unit,
    /// Scale.
    pub scale: AxisScale,
    /// Names, if the scale is [`AxisScale::Names`].
    pub names: Vec<String>,
}

/// A value at x.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PlotPoint {
    /// Position.
    pub x: f64,
    /// Value.
    pub y: f64,
    /// Lower end of the value's interval.
    pub lo: Option<f64>,
    /// Upper end.
    pub hi: Option<f64>,
    /// Name of the point.
    pub name: String,
    /// Whether it is selected: best, or on the front.
    pub is_selected: bool,
}

/// Points of one group.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PointSeries {
    /// Name of the group.
    pub name: String,
    /// Its points.
    pub points: Vec<PlotPoint>,
    /// Whether neighbours are joined by a line.
    pub is_joined: bool,
}

/// A point of a fitted curve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Position.
    pub x: f64,
    /// Value of the fit.
    pub y: f64,
    /// Lower end of the band.
    pub lo: Option<f64>,
    /// Upper end.
    pub hi: Option<f64>,
}

/// A fitted curve with its band, if it has one.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Curve {
    /// Name.
    pub name: String,
    /// Its points in the order of x.
    pub points: Vec<CurvePoint>,
}

/// A place on the x axis.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Marker {
    /// Name.
    pub name: String,
    /// Position.
    pub x: f64,
    /// Lower end of its interval.
    pub lo: Option<f64>,
    /// Upper end.
    pub hi: Option<f64>,
}

/// Values at all combinations of two factors.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FactorGrid {
    /// Rows from top to bottom, columns from left to right; `None` is not measured.
    pub values: Vec<Vec<Option<f64>>>,
    /// Unit of the values.
    pub unit: Unit,
}

/// A plot.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Plot {
    /// Title.
    pub title: String,
    /// What it answers, in one sentence.
    pub caption: String,
    /// Horizontal axis.
    pub x: PlotAxis,
    /// Vertical axis.
    pub y: PlotAxis,
    /// Points.
    pub series: Vec<PointSeries>,
    /// Fits.
    pub curves: Vec<Curve>,
    /// Marked places.
    pub markers: Vec<Marker>,
    /// Values of two factors, in place of points.
    pub grid: Option<FactorGrid>,
}

impl Plot {
    /// Returns whether it has nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.grid.is_none() && self.series.iter().all(|series| series.points.is_empty())
    }

    /// Returns the range of x over points, curves and markers; `None` without any.
    pub fn x_range(&self) -> Option<(f64, f64)> {
        let points = self.points().map(|point| point.x);
        let curves = self.curve_points().map(|point| point.x);
        let markers = self.markers.iter().map(|marker| marker.x);
        range(points.chain(curves).chain(markers))
    }

    /// Returns the range of y over points, their intervals and curves; `None` without any.
    pub fn y_range(&self) -> Option<(f64, f64)> {
        let ends = self
            .points()
            .flat_map(|point| [Some(point.y), point.lo, point.hi]);
        let curves = self.curve_points().map(|point| Some(point.y));
        range(ends.chain(curves).flatten())
    }

    /// Returns the values of x of all points, ascending, without repetition, if its unit is a number.
    pub fn distinct_x(&self) -> Vec<f64> {
        if self.x.unit != Unit::Number {
            return Vec::new();
        }
        let mut all: Vec<f64> = self.points().map(|point| point.x).collect();
        all.sort_by(f64::total_cmp);
        all.dedup();
        all
    }

    fn points(&self) -> impl Iterator<Item = &PlotPoint> {
        self.series.iter().flat_map(|series| &series.points)
    }

    fn curve_points(&self) -> impl Iterator<Item = &CurvePoint> {
        self.curves.iter().flat_map(|curve| &curve.points)
    }
}

/// Returns the smallest and largest finite value.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .filter(|value| value.is_finite())
        .fold(None, |range, value| {
            let (lo, hi) = range.unwrap_or((value, value));
            Some((f64::min(lo, value), f64::max(hi, value)))
        })
}
