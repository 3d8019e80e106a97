//! Layers and components for people.

use std::io::{self, Write};

use super::table::Page;
use crate::format::{energy, escape, percent, power, shorten};
use crate::query::{Group, join_bases};

/// Components shown.
const COMPONENTS: usize = 12;

impl Page<'_> {
    pub(super) fn groups(&self, out: &mut dyn Write) -> io::Result<()> {
        let (layers, components) = (&self.summary.layers, &self.summary.components);
        if let Some(average) = Average::of(layers) {
            self.section(out, "Layers")?;
            let header = ["layer", "energy", "share", "times", "each", "power"];
            let mut rows = vec![average.row(layers.len())];
            rows.extend(extremes(layers).map(|(what, layer)| {
                let mut row = group_row(layer);
                row[0] = format!("{what}: {}", row[0]);
                row
            }));
            writeln!(out, "{}", self.look.table(&header, &rows))?;
        }
        if !components.is_empty() {
            self.section(out, "Components")?;
            let header = ["component", "energy", "share", "times", "each", "power"];
            let rows: Vec<_> = components.iter().take(COMPONENTS).map(group_row).collect();
            writeln!(out, "{}", self.look.table(&header, &rows))?;
        }
        self.basis_of_groups(out)
    }

    fn basis_of_groups(&self, out: &mut dyn Write) -> io::Result<()> {
        let (layers, components) = (&self.summary.layers, &self.summary.components);
        let bases = layers.iter().chain(components);
        let basis = join_bases(bases.filter_map(|group| group.basis.as_deref()));
        let basis = basis.filter(|_| self.summary.has_intervals());
        let text = basis.map(|basis| {
            let basis = escape(&basis);
            format!("basis: {basis}; sums over several kinds carry no interval")
        });
        self.sentence(out, text)
    }
}

fn group_row(group: &Group) -> Vec<String> {
    vec![
        shorten(&escape(&group.name), 24),
        energy(Some(group.energy_j)),
        percent(group.share),
        group.activations.to_string(),
        energy(group.j_per_activation),
        power(group.avg_w),
    ]
}

/// The mean over groups.
struct Average {
    energy_j: f64,
    share: Option<f64>,
    activations: f64,
    each: Option<f64>,
    avg_w: Option<f64>,
}

impl Average {
    fn of(groups: &[Group]) -> Option<Self> {
        let n = groups.len() as f64;
        let sum = |of: fn(&Group) -> f64| groups.iter().map(of).sum::<f64>();
        let (energy_j, activations) = (sum(|g| g.energy_j), sum(|g| g.activations as f64));
        let busy_s = sum(|g| g.busy_ns as f64) / 1e9;
        (n > 0.0).then(|| Self {
            energy_j: energy_j / n,
            share: crate::query::sum_known(groups.iter().map(|g| g.share)).map(|share| share / n),
            activations: activations / n,
            each: (activations > 0.0).then(|| energy_j / activations),
            avg_w: (busy_s > 0.0).then(|| energy_j / busy_s),
        })
    }

    fn row(&self, groups: usize) -> Vec<String> {
        vec![
            format!("average of {groups}"),
            energy(Some(self.energy_j)),
            percent(self.share),
            format!("{:.0}", self.activations),
            energy(self.each),
            power(self.avg_w),
        ]
    }
}

/// The groups with the highest and the lowest energy, if there are two.
fn extremes(groups: &[Group]) -> impl Iterator<Item = (&'static str, &Group)> {
    let by_energy = |a: &&Group, b: &&Group| a.energy_j.total_cmp(&b.energy_j);
    let (most, least) = (
        groups.iter().max_by(by_energy),
        groups.iter().min_by(by_energy),
    );
    let named = [("most", most), ("least", least)].into_iter();
    named
        .filter(|_| groups.len() > 1)
        .filter_map(|(name, group)| Some((name, group?)))
}
