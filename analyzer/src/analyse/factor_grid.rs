//! Heatmap of two factors.

use super::analysis::PerToken;
use super::mean::mean_interval;
use super::series::CONFIDENCE;
use crate::plot::{AxisScale, FactorGrid, Plot, PlotAxis, Unit};
use crate::query::{ConfigurationKey, RunConfiguration};

/// Reads a factor of a configuration.
pub(super) type ReadFactor<'f> = &'f dyn Fn(&RunConfiguration) -> Option<f64>;

/// Returns the heatmap of the model with the most configurations in which both factors vary; none if
/// one does not.
pub(super) fn grids(
    configurations: &[RunConfiguration],
    per: PerToken,
    [x, y]: [(&'static str, ReadFactor<'_>); 2],
) -> Option<Plot> {
    let mut groups: Vec<(ConfigurationKey, Vec<&RunConfiguration>)> = Vec::new();
    for one in configurations {
        let key = ConfigurationKey {
            batch: None,
            prompt_tokens: None,
            ..one.key.clone()
        };
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(one),
            None => groups.push((key, vec![one])),
        }
    }
    let (key, members) = groups
        .into_iter()
        .max_by_key(|(_, members)| members.len())?;
    let distinct = |read: ReadFactor<'_>| {
        let mut values: Vec<f64> = members.iter().filter_map(|one| read(one)).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        values
    };
    let (columns, rows) = (distinct(x.1), distinct(y.1));
    if columns.len() < 2 || rows.len() < 2 {
        return None;
    }
    let cell = |column: f64, row: f64| {
        let found = members
            .iter()
            .filter(|one| x.1(one) == Some(column) && y.1(one) == Some(row));
        let values: Vec<f64> = found
            .flat_map(|one| one.values(|run| per.of(run)))
            .collect();
        mean_interval(&values, CONFIDENCE).map(|mean| mean.value)
    };
    let values = rows
        .iter()
        .map(|row| columns.iter().map(|column| cell(*column, *row)).collect())
        .collect();
    let axis = |label: &str, values: &[f64]| PlotAxis {
        label: label.to_owned(),
        scale: AxisScale::Names,
        names: values.iter().map(f64::to_string).collect(),
        ..PlotAxis::default()
    };
    let model = key.model.as_deref().map(super::series_name::model_name);
    Some(Plot {
        title: format!("{} by {} and {}", per.label(), x.0, y.0),
        caption: format!("Means of runs; dark is more. {}", model.unwrap_or_default()),
        x: axis(x.0, &columns),
        y: axis(y.0, &rows),
        grid: Some(FactorGrid {
            values,
            unit: Unit::JoulePerToken,
        }),
        ..Plot::default()
    })
}
