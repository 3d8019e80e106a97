//! The summary for people.

use std::io::{self, Write};

use super::Summary;
use super::doubt::half;
use crate::format::screen::Look;
use crate::format::{basis, count, energy, escape, percent, shorten, shorten_path, time_span, utc};

/// Events shown; the rest is counted.
const EVENTS: usize = 12;

pub(super) fn write(summary: &Summary, out: &mut dyn Write, look: &Look) -> io::Result<()> {
    let page = Page { summary, look };
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

pub(super) struct Page<'s> {
    pub(super) summary: &'s Summary,
    pub(super) look: &'s Look,
}

impl Page<'_> {
    fn header(&self, out: &mut dyn Write) -> io::Result<()> {
        let (run, row) = (&self.summary.run, &self.summary.run.row);
        let metadata = &row.metadata;
        let title = escape(&format!("run {}", run.title())) + &self.summary.scope.words();
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
        if let Some(caveat) = run.caveat() {
            let note = format!("All figures below are {caveat}.");
            writeln!(out, "{}", self.look.notice(&note))?;
        }
        let notes = super::coverage_notes(self.summary);
        let mut notes = notes.iter();
        notes.try_for_each(|note| {
            let note = shorten(note, self.width());
            writeln!(out, "{}", self.look.notice(&note))
        })
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
            let calls = hot.instances.filter(|count| *count > 0);
            let mut row = vec![
                shorten_path(&escape(&hot.node), room),
                energy(Some(hot.energy_j)),
            ];
            row.extend(is_sure.then(|| half(hot)));
            row.extend([
                percent(hot.share),
                count(hot.instances),
                energy(calls.map(|count| (hot.energy_j + hot.extrapolated_j) / count as f64)),
            ]);
            row.extend(differ.then(|| basis::letters(hot.basis.as_deref())));
            row
        };
        let rows: Vec<_> = self.summary.hottest.iter().map(row).collect();
        let mut header = vec!["node", "energy"];
        header.extend(is_sure.then_some("±"));
        header.extend(["share", "count", "per call"]);
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

    pub(super) fn verb(&self) -> &'static str {
        self.summary.run.caveat().unwrap_or("measured")
    }

    pub(super) fn width(&self) -> usize {
        self.look.width.into()
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
