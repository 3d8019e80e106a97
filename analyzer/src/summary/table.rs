//! The summary as text.

use std::io::{self, Write};

use super::data::{HotNode, Summary, coverage_notes};
use super::page::SummaryPage;
use super::warnings::half_interval;
use crate::format::screen::OutputStyle;
use crate::format::{basis, count, energy, escape, percent, shorten, shorten_path, time_span, utc};

/// Number of events shown; the remaining ones are counted.
const EVENTS: usize = 12;

pub(super) fn write(summary: &Summary, out: &mut dyn Write, style: &OutputStyle) -> io::Result<()> {
    let page = SummaryPage { summary, style };
    page.header(out)?;
    if summary.scope.phase.is_none() {
        page.balance(out)?;
    }
    page.phases(out)?;
    page.roots(out)?;
    page.efficiency(out)?;
    page.hottest(out)?;
    page.kinds(out)?;
    page.groups(out)?;
    page.events(out)
}

impl SummaryPage<'_> {
    fn header(&self, out: &mut dyn Write) -> io::Result<()> {
        let (run, row) = (&self.summary.run, &self.summary.run.row);
        let metadata = &row.metadata;
        let title = escape(&format!("run {}", run.title())) + &self.summary.scope.text();
        writeln!(out, "{}", self.style.title(&shorten(&title, self.width())))?;
        let started = format!("{}, {}", utc(row.start_unix_ns), time_span(row.end_ns));
        let engine = match run.is_imported() {
            true => &None,
            false => &metadata.engine,
        };
        let model = join([&metadata.model, &metadata.precision, engine]);
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
            self.line(
                out,
                "tokens",
                &format!("{input} prompt, {output} generated"),
            )?;
        }
        self.line(out, "machine", &machine)?;
        self.line(out, "power", &power)?;
        self.method(out)?;
        if let Some(caveat) = run.caveat() {
            let note = format!("All energies below are {caveat}.");
            writeln!(out, "{}", self.style.notice(&note))?;
        }
        let notes = coverage_notes(self.summary);
        let mut notes = notes.iter();
        notes.try_for_each(|note| {
            let note = shorten(note, self.width());
            writeln!(out, "{}", self.style.notice(&note))
        })
    }

    fn hottest(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.summary.hottest.is_empty() {
            return Ok(());
        }
        self.section(out, "Hottest call paths, self energy")?;
        let bases = || self.summary.hottest.iter().map(|hot| hot.basis);
        let has_intervals = self.summary.has_intervals();
        let differ = has_intervals && basis::differ(bases());
        let columns = 36 + if has_intervals { 12 } else { 0 } + if differ { 7 } else { 0 };
        let room = self.width().saturating_sub(columns).max(20);
        let row = |hot: &HotNode| {
            let calls = hot.instances.filter(|count| *count > 0);
            let mut row = vec![
                shorten_path(&escape(&hot.node), room),
                energy(Some(hot.energy_j)),
            ];
            row.extend(has_intervals.then(|| half_interval(hot)));
            row.extend([
                percent(hot.share),
                count(hot.instances),
                energy(calls.map(|count| (hot.energy_j + hot.extrapolated_j) / count as f64)),
            ]);
            row.extend(differ.then(|| basis::letters(hot.basis)));
            row
        };
        let rows: Vec<_> = self.summary.hottest.iter().map(row).collect();
        let mut header = vec!["call path", "energy"];
        header.extend(has_intervals.then_some("±"));
        header.extend(["share", "count", "per call"]);
        header.extend(differ.then_some("basis"));
        writeln!(out, "{}", self.style.table(&header, &rows))?;
        if !has_intervals {
            return Ok(());
        }
        let legend = basis::legend(bases(), differ).map(|legend| format!("; {legend}"));
        let text = format!(
            "± is half of the 90 % interval{}",
            legend.unwrap_or_default()
        );
        self.sentence(out, Some(text))
    }

    fn events(&self, out: &mut dyn Write) -> io::Result<()> {
        let events = &self.summary.events;
        if events.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{}", self.style.heading("Warnings"))?;
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
}

fn join(parts: [&Option<String>; 3]) -> String {
    parts
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}
