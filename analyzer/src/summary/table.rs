//! The summary for people.

use std::io::{self, Write};

use super::Summary;
use super::doubt::half;
use crate::format::screen::Look;
use crate::format::{
    UNKNOWN, basis, count, energy, escape, number, percent, power, shorten, shorten_path,
    time_span, utc,
};
use crate::query::{Balance, Group, join_bases};

/// Rails side by side; more go into another table.
const RAILS: usize = 4;
/// Events shown; the rest is counted.
const EVENTS: usize = 12;
/// Components shown.
const COMPONENTS: usize = 12;

pub(super) fn write(summary: &Summary, out: &mut dyn Write, look: &Look) -> io::Result<()> {
    let page = Page { summary, look };
    page.header(out)?;
    page.balance(out)?;
    page.phases(out)?;
    page.efficiency(out)?;
    page.hottest(out)?;
    page.kinds(out)?;
    page.groups(out)?;
    page.events(out)
}

pub(super) struct Page<'s> {
    pub(super) summary: &'s Summary,
    pub(super) look: &'s Look,
}

impl Page<'_> {
    fn header(&self, out: &mut dyn Write) -> io::Result<()> {
        let (run, row) = (&self.summary.run, &self.summary.run.row);
        let metadata = &row.metadata;
        let title = escape(&format!("run {}", run.title()));
        writeln!(out, "{}", self.look.title(&shorten(&title, self.width())))?;
        let started = format!("{}, {}", utc(row.start_unix_ns), time_span(row.end_ns));
        let model = join([&metadata.model, &metadata.precision, &metadata.engine]);
        let machine = join([&row.host, &row.chip, &row.os]);
        let (input, output) = (count(metadata.input_tokens), count(metadata.output_tokens));
        let tokens = (metadata.input_tokens, metadata.output_tokens) != (None, None);
        let power = match run.caveat() {
            Some(caveat) => format!("{} ({caveat})", self.summary.sources.join(", ")),
            None => self.summary.sources.join(", "),
        };
        self.line(out, "id", &row.uuid)?;
        self.line(out, "status", row.status.name())?;
        self.line(out, "recorded", &started)?;
        self.line(out, "model", &model)?;
        if tokens {
            self.line(out, "tokens", &format!("{input} read, {output} sampled"))?;
        }
        self.line(out, "machine", &machine)?;
        self.line(out, "power", &power)?;
        self.method(out)?;
        match run.caveat() {
            Some(caveat) => {
                let note = format!("All figures below are {caveat}.");
                writeln!(out, "{}", self.look.notice(&note))
            }
            None => Ok(()),
        }
    }

    fn balance(&self, out: &mut dyn Write) -> io::Result<()> {
        let (rails, look) = (&self.summary.balance, self.look);
        if rails.is_empty() {
            self.section(out, "Energy by rail")?;
            return writeln!(
                out,
                "No rail was read: nothing measured energy during this run."
            );
        }
        self.section(out, "Energy by rail, whole run")?;
        for rails in rails.chunks(RAILS) {
            let names = rails.iter().map(|rail| shorten(&escape(&rail.rail), 14));
            let header: Vec<String> = std::iter::once("account".to_owned()).chain(names).collect();
            writeln!(out, "{}", look.table(&header, &accounts(rails)))?;
        }
        let faults = self.summary.faults();
        for (rail, fault) in &faults {
            let text = format!(
                "ACCOUNTS DO NOT BALANCE: {} is off by {}. Do not use these figures; attribute again.",
                escape(&rail.rail),
                energy(Some(*fault))
            );
            writeln!(out, "{}", look.alarm(&text))?;
        }
        if faults.is_empty() && rails.iter().any(|rail| rail.measured_j.is_some()) {
            writeln!(out, "Accounts sum to what was {}: yes.", self.verb())?;
        }
        Ok(())
    }

    fn phases(&self, out: &mut dyn Write) -> io::Result<()> {
        let summary = self.summary;
        if summary.phases.is_empty() {
            return Ok(());
        }
        self.section(out, "Phases")?;
        let row = |phase: &crate::query::Phase| {
            vec![
                shorten(&escape(&phase.phase), 24),
                time_span(phase.duration_ns),
                energy(phase.energy_j),
                energy(phase.active_j),
                percent(phase.share),
                power(phase.avg_w),
                power(phase.peak_w),
            ]
        };
        let mut rows: Vec<_> = summary.phases.iter().map(row).collect();
        let totals = &summary.totals;
        let average = totals
            .energy_j
            .zip(totals.duration_ns)
            .filter(|(_, ns)| *ns > 0);
        rows.push(vec![
            "total".to_owned(),
            time_span(totals.duration_ns),
            energy(totals.energy_j),
            energy(totals.active_j),
            percent(totals.energy_j.filter(|e| *e != 0.0).map(|_| 1.0)),
            power(average.map(|(e, ns)| e * 1e9 / ns as f64)),
            power(peak(summary)),
        ]);
        let header = [
            "phase", "time", "energy", "active", "share", "average", "peak",
        ];
        writeln!(out, "{}", self.look.table(&header, &rows))
    }

    fn efficiency(&self, out: &mut dyn Write) -> io::Result<()> {
        let totals = &self.summary.totals;
        if totals.energy_j.is_none() && totals.tokens_per_s.is_none() {
            return Ok(());
        }
        self.section(out, "Efficiency")?;
        if (totals.input_tokens, totals.output_tokens) != (None, None) {
            let per_token = |joules| match joules {
                Some(_) => format!("{}/token", energy(joules)),
                None => UNKNOWN.to_owned(),
            };
            self.line(out, "all tokens", &per_token(totals.j_per_token))?;
            self.line(out, "input", &per_token(totals.j_per_input_token))?;
            self.line(out, "output", &per_token(totals.j_per_output_token))?;
            self.line(out, "speed", &unit(totals.tokens_per_s, "tokens/s"))?;
            self.line(out, "yield", &unit(totals.tokens_per_j, "tokens/J"))?;
        }
        let idle = format!(
            "{} idle, {} active",
            percent(ratio(totals.idle_j, totals.energy_j)),
            percent(ratio(totals.active_j, totals.energy_j))
        );
        self.line(out, "split", &idle)?;
        self.line(
            out,
            "energy-delay product",
            &unit(totals.energy_delay_js, "J s"),
        )
    }

    fn hottest(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.summary.hottest.is_empty() {
            return Ok(());
        }
        self.section(out, "Hottest nodes, own energy")?;
        let bases = || self.summary.hottest.iter().map(|hot| hot.basis.as_deref());
        let is_sure = self.summary.has_intervals();
        let differ = is_sure && basis::differ(bases());
        let columns = 36 + if is_sure { 12 } else { 0 } + if differ { 7 } else { 0 };
        let room = self.width().saturating_sub(columns).max(20);
        let row = |hot: &super::Hot| {
            let each = hot.energy_j / hot.activations.max(1) as f64;
            let mut row = vec![
                shorten_path(&escape(&hot.node), room),
                energy(Some(hot.energy_j)),
            ];
            row.extend(is_sure.then(|| half(hot)));
            row.extend([
                percent(hot.share),
                hot.activations.to_string(),
                energy((hot.activations > 0).then_some(each)),
            ]);
            row.extend(differ.then(|| basis::letters(hot.basis.as_deref())));
            row
        };
        let rows: Vec<_> = self.summary.hottest.iter().map(row).collect();
        let mut header = vec!["node", "energy"];
        header.extend(is_sure.then_some("±"));
        header.extend(["share", "times", "each"]);
        header.extend(differ.then_some("by"));
        writeln!(out, "{}", self.look.table(&header, &rows))?;
        if !is_sure {
            return Ok(());
        }
        let legend = basis::legend(bases(), differ).map(|legend| format!("; {legend}"));
        let text = format!(
            "± is half of the 90 % interval{}",
            legend.unwrap_or_default()
        );
        self.sentence(out, Some(text))
    }

    fn groups(&self, out: &mut dyn Write) -> io::Result<()> {
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

    fn events(&self, out: &mut dyn Write) -> io::Result<()> {
        let events = &self.summary.events;
        if events.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{}", self.look.heading("Losses and warnings"))?;
        for event in events.iter().take(EVENTS) {
            let times = if event.count > 1 {
                format!(" ({} times)", event.count)
            } else {
                String::new()
            };
            let text = format!("{}{times}: {}", escape(&event.kind), escape(&event.message));
            self.wrapped(out, &text)?;
        }
        match events.len().saturating_sub(EVENTS) {
            0 => Ok(()),
            more => writeln!(out, "  and {more} more: see --format json"),
        }
    }

    pub(super) fn section(&self, out: &mut dyn Write, title: &str) -> io::Result<()> {
        let title = match self.summary.run.caveat() {
            Some(caveat) => format!("{title} ({caveat})"),
            None => title.to_owned(),
        };
        writeln!(out, "\n{}", self.look.heading(&title))
    }

    /// A name and its value, cut to the width; nothing where there is no value.
    pub(super) fn line(&self, out: &mut dyn Write, name: &str, value: &str) -> io::Result<()> {
        if value.is_empty() {
            return Ok(());
        }
        writeln!(out, "{}", self.look.fact(name, &escape(value)))
    }

    /// A list item over as many lines as it needs.
    pub(super) fn wrapped(&self, out: &mut dyn Write, text: &str) -> io::Result<()> {
        if self.look.is_markdown() {
            return writeln!(out, "{}", self.look.note(text));
        }
        let mut line = "  -".to_owned();
        for word in text.split(' ') {
            if line.chars().count() + 1 + word.chars().count() > self.width() {
                writeln!(out, "{}", shorten(&line, self.width()))?;
                line = "   ".to_owned();
            }
            line.push(' ');
            line.push_str(word);
        }
        writeln!(out, "{}", shorten(&line, self.width()))
    }

    fn verb(&self) -> &'static str {
        self.summary.run.caveat().unwrap_or("measured")
    }

    pub(super) fn width(&self) -> usize {
        self.look.width.into()
    }
}

fn accounts(rails: &[Balance]) -> Vec<Vec<String>> {
    let text = |name: &str, of: &dyn Fn(&Balance) -> String| {
        std::iter::once(name.to_owned())
            .chain(rails.iter().map(of))
            .collect::<Vec<_>>()
    };
    let figures = |rail: &Balance| shorten(&rail.provenance, 14);
    let part_of = |rail: &Balance| match &rail.parent {
        Some(parent) => shorten(&escape(parent), 14),
        None => "(total)".to_owned(),
    };
    let mut rows = vec![
        text("part of", &part_of),
        text("figures", &figures),
        text("in all", &|rail| energy(rail.measured_j)),
    ];
    let names = rails
        .first()
        .map(|rail| rail.accounts().map(|(name, _)| name));
    for (at, name) in names.into_iter().flatten().enumerate() {
        rows.push(text(&format!("  {name}"), &|rail| {
            energy(rail.accounts()[at].1)
        }));
    }
    let unmeasured = |rail: &Balance| energy(rail.extrapolated_j);
    rows.push(text("extrapolated beside", &unmeasured));
    rows.push(text("peak power", &|rail| power(rail.peak_w)));
    rows
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

fn peak(summary: &Summary) -> Option<f64> {
    summary
        .phases
        .iter()
        .filter_map(|phase| phase.peak_w)
        .reduce(f64::max)
}

fn ratio(part: Option<f64>, whole: Option<f64>) -> Option<f64> {
    Some(part? / whole.filter(|whole| *whole != 0.0)?)
}

fn unit(value: Option<f64>, unit: &str) -> String {
    match value {
        Some(_) => format!("{} {unit}", number(value)),
        None => UNKNOWN.to_owned(),
    }
}

fn join(parts: [&Option<String>; 3]) -> String {
    parts
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}
