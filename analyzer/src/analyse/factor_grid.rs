//! Heatmap of two factors.

use super::analysis::PerToken;
use super::mean::mean_interval;
use super::series::CONFIDENCE;
use super::series_name::names_of;
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
    let keys: Vec<ConfigurationKey> = groups.iter().map(|(key, _)| key.clone()).collect();
    let names = names_of(&keys);
    // Of equal groups the first.
    let of = |at: usize| std::cmp::Reverse(groups.get(at).map_or(0, |(_, own)| own.len()));
    let largest = (0..groups.len()).min_by_key(|at| of(*at))?;
    let ((key, members), name) = groups.get(largest).zip(names.get(largest))?;
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
    let one_of = match groups.len() {
        1 => model.unwrap_or_default(),
        several => format!("Shown: {name}, the largest of {several} groups."),
    };
    Some(Plot {
        title: format!("{} by {} and {}", per.label(), x.0, y.0),
        caption: format!("Means of runs; dark is more. {one_of}"),
        x: axis(x.0, &columns),
        y: axis(y.0, &rows),
        grid: Some(FactorGrid {
            values,
            unit: Unit::JoulePerToken,
        }),
        ..Plot::default()
    })
}
