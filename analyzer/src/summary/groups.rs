//! Layers, components and root spans in the summary table.

use std::io::{self, Write};

use energy_data::BasisSet;

use super::page::SummaryPage;
use crate::format::{UNKNOWN, count, energy, escape, percent, power, shorten, time_span};
use crate::query::NodeGroup;

/// Numbers of components and of root span names shown.
const COMPONENTS: usize = 12;
const ROOTS: usize = 12;

impl SummaryPage<'_> {
    /// Writes the root spans if there are no phases. They may overlap, so they have no shares.
    pub(super) fn roots(&self, out: &mut dyn Write) -> io::Result<()> {
        let roots = &self.summary.roots;
        if roots.is_empty() {
            return Ok(());
        }
        self.section(out, "Root spans, inclusive energy with their share of idle")?;
        let header = ["root span", "energy", "count", "per call", "busy", "power"];
        let row = |root: &NodeGroup| {
            vec![
                shorten(&escape(&root.name), 24),
                energy(Some(root.energy_j)),
                count(root.instances),
                energy(root.j_per_instance),
                time_span(Some(root.busy_ns)),
                power(root.avg_w),
            ]
        };
        let rows: Vec<_> = roots.iter().take(ROOTS).map(row).collect();
        writeln!(out, "{}", self.style.table(&header, &rows))?;
        match roots.len().saturating_sub(ROOTS) {
            0 => Ok(()),
            more => writeln!(out, "and {more} more: see `energy pipeline`"),
        }
    }

    pub(super) fn groups(&self, out: &mut dyn Write) -> io::Result<()> {
        let (layers, components) = (&self.summary.layers, &self.summary.components);
        if let Some(average) = Average::of(layers) {
            self.section(out, "Layers")?;
            let header = ["layer", "energy", "share", "count", "per call", "power"];
            let mut rows = vec![average.row(layers.len())];
            rows.extend(extremes(layers).map(|(what, layer)| {
                let mut row = group_row(layer);
                row[0] = format!("{what}: {}", row[0]);
                row
            }));
            writeln!(out, "{}", self.style.table(&header, &rows))?;
        }
        if !components.is_empty() {
            self.section(out, "Components")?;
            let header = ["component", "energy", "share", "count", "per call", "power"];
            let rows: Vec<_> = components.iter().take(COMPONENTS).map(group_row).collect();
            writeln!(out, "{}", self.style.table(&header, &rows))?;
        }
        self.basis_of_groups(out)
    }

    fn basis_of_groups(&self, out: &mut dyn Write) -> io::Result<()> {
        let (layers, components) = (&self.summary.layers, &self.summary.components);
        let bases = layers.iter().chain(components);
        let basis = BasisSet::union(bases.filter_map(|group| group.basis));
        let basis = basis.filter(|_| self.summary.has_intervals());
        let text = basis
            .map(|basis| format!("basis: {basis}; sums over several operations have no interval"));
        self.sentence(out, text)
    }
}

fn group_row(group: &NodeGroup) -> Vec<String> {
    vec![
        shorten(&escape(&group.name), 24),
        energy(Some(group.energy_j)),
        percent(group.share),
        count(group.instances),
        energy(group.j_per_instance),
        power(group.avg_w),
    ]
}

/// The mean over groups.
struct Average {
    energy_j: f64,
    share: Option<f64>,
    /// Spans per group.
    instances: Option<f64>,
    per_call: Option<f64>,
    avg_w: Option<f64>,
}

impl Average {
    fn of(groups: &[NodeGroup]) -> Option<Self> {
        let n = groups.len() as f64;
        let sum = |of: fn(&NodeGroup) -> f64| groups.iter().map(of).sum::<f64>();
        let energy_j = sum(|g| g.energy_j);
        let instances = groups.iter().map(|g| g.instances.map(|count| count as f64));
        let instances = crate::query::sum_known(instances);
        let whole_j = sum(NodeGroup::whole_j);
        let busy_s = sum(|g| g.busy_ns as f64) / 1e9;
        (n > 0.0).then(|| Self {
            energy_j: energy_j / n,
            share: crate::query::sum_known(groups.iter().map(|g| g.share)).map(|share| share / n),
            instances: instances.map(|count| count / n),
            per_call: instances
                .filter(|count| *count > 0.0)
                .map(|count| whole_j / count),
            avg_w: (busy_s > 0.0).then(|| whole_j / busy_s),
        })
    }

    fn row(&self, groups: usize) -> Vec<String> {
        vec![
            format!("average of {groups}"),
            energy(Some(self.energy_j)),
            percent(self.share),
            self.instances
                .map_or(UNKNOWN.to_owned(), |count| format!("{count:.0}")),
            energy(self.per_call),
            power(self.avg_w),
        ]
    }
}

/// Returns the groups with the highest and the lowest energy, if there are at least two.
fn extremes(groups: &[NodeGroup]) -> impl Iterator<Item = (&'static str, &NodeGroup)> {
    let by_energy = |a: &&NodeGroup, b: &&NodeGroup| a.energy_j.total_cmp(&b.energy_j);
    let (most, least) = (
        groups.iter().max_by(by_energy),
        groups.iter().min_by(by_energy),
    );
    let named = [("most", most), ("least", least)].into_iter();
    named
        .filter(|_| groups.len() > 1)
        .filter_map(|(name, group)| Some((name, group?)))
}
