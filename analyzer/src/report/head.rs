//! What stands first: which run, what it cost, and what must be known of the figures.

use tracing_energy::rows::RunStatus;

use super::drawn::Drawn;
use super::markup::{facts, list, paragraph};
use super::name::name;
use crate::format::html::escape;
use crate::format::{count, counted, energy, number, power, shorten, time_span, utc};
use crate::summary::{coverage_notes, method, warnings};

/// Events that are listed; the rest is counted.
const EVENTS: usize = 30;
/// Characters of a sentence or other long text.
const LONG: usize = 400;

/// A key figure.
struct Figure {
    key: &'static str,
    what: &'static str,
    value: Option<f64>,
    show: fn(Option<f64>) -> String,
    unit: &'static str,
    /// Below it: interval, basis.
    beside: String,
}

pub(super) fn head(drawn: &Drawn) -> String {
    let mut html = String::new();
    if let Some((group, runs)) = &drawn.group {
        let text = format!(
            "The newest complete run of {}, which selects {}.",
            name(group),
            counted(*runs, "run")
        );
        html += &paragraph("note", &text);
    }
    html += &figures(drawn);
    html += &about(drawn);
    html + &doubts(drawn)
}

fn figures(drawn: &Drawn) -> String {
    let cards = all(drawn).iter().map(card).collect::<String>();
    format!("<div class=\"cards\">\n{cards}</div>\n")
}

fn all(drawn: &Drawn) -> Vec<Figure> {
    let (totals, ends) = (&drawn.summary.totals, &drawn.interval);
    let tokens = totals.input_tokens.zip(totals.output_tokens);
    let tokens = tokens.map(|(input, output)| (input + output) as f64);
    let part = |end: Option<f64>| end.zip(tokens.filter(|n| *n > 0.0)).map(|(j, n)| j / n);
    let basis = totals.basis.as_deref().map(name).unwrap_or_default();
    let joules = |key, what, value, beside: String| Figure {
        key,
        what,
        value,
        show: energy,
        unit: "",
        beside,
    };
    let seconds = totals.duration_ns.filter(|ns| *ns > 0);
    let average = totals.energy_j.zip(seconds);
    let average = average.map(|(joules, ns)| joules * 1e9 / ns as f64);
    let mut figures = vec![
        joules(
            "energy_j",
            "Energy",
            totals.energy_j,
            sure(ends.lo_j, ends.hi_j, &basis),
        ),
        joules(
            "active_j",
            "of it active",
            totals.active_j,
            "above idle power".into(),
        ),
        joules(
            "j_per_token",
            "Per token",
            totals.j_per_token,
            sure(part(ends.lo_j), part(ends.hi_j), "read and sampled"),
        ),
        joules(
            "j_per_output_token",
            "Per output token",
            totals.j_per_output_token,
            "decode and after, by tokens that decode made".into(),
        ),
        joules(
            "j_per_input_token",
            "Per input token",
            totals.j_per_input_token,
            "before decode, by tokens read".into(),
        ),
        Figure {
            show: number,
            unit: "",
            ..joules(
                "tokens_per_s",
                "Speed",
                totals.tokens_per_s,
                "tokens/s of decode".into(),
            )
        },
        Figure {
            show: power,
            ..joules("avg_w", "Average power", average, "while it worked".into())
        },
    ];
    figures.extend(peaks(drawn));
    figures
}

/// Of the root rail that drew most; rails have their peaks at different times.
fn peaks(drawn: &Drawn) -> Option<Figure> {
    let roots = drawn.summary.balance.iter().filter(|rail| rail.is_root);
    let highest = roots.max_by(|a, b| {
        let watts = |rail: &crate::query::Balance| rail.peak_w.unwrap_or(f64::MIN);
        watts(a).total_cmp(&watts(b))
    })?;
    Some(Figure {
        key: "peak_w",
        what: "Rail peak",
        value: highest.peak_w,
        show: power,
        unit: "",
        beside: format!("{} at {}", name(&highest.rail), time_span(highest.peak_ns)),
    })
}

/// An interval with other words.
fn sure(lo_j: Option<f64>, hi_j: Option<f64>, words: &str) -> String {
    let interval = match (lo_j, hi_j) {
        (None, None) => "interval not known".to_owned(),
        (lo, hi) => {
            let [lo, hi] = [lo, hi].map(|end| energy(end).replace(' ', "\u{a0}"));
            format!("90 %: {lo} .. {hi}")
        }
    };
    match words {
        "" => interval,
        words => format!("{interval}; {words}"),
    }
}

fn card(figure: &Figure) -> String {
    let value = match figure.value {
        Some(value) => format!("{}{}", (figure.show)(Some(value)), figure.unit),
        None => "–".to_owned(),
    };
    let raw = figure
        .value
        .map_or(String::new(), |value| value.to_string());
    format!(
        "<div class=\"card\" data-key=\"{}\" data-v=\"{raw}\"><span class=\"what\">{}</span>\
         <strong>{}</strong><small>{}</small></div>\n",
        figure.key,
        figure.what,
        escape(&value),
        escape(&figure.beside)
    )
}

fn about(drawn: &Drawn) -> String {
    let summary = &drawn.summary;
    let (row, metadata) = (&summary.run.row, &summary.run.row.metadata);
    let join = |parts: [&Option<String>; 3]| {
        let known: Vec<String> = parts.into_iter().flatten().map(|text| name(text)).collect();
        known.join(", ")
    };
    let tokens = match (metadata.input_tokens, metadata.output_tokens) {
        (None, None) => String::new(),
        (input, output) => format!("{} read, {} sampled", count(input), count(output)),
    };
    let mut sources: Vec<String> = summary.sources.iter().map(|source| name(source)).collect();
    sources.dedup();
    let power = match sources.is_empty() {
        true => "none: nothing measured energy during this run".to_owned(),
        false => format!("{} ({})", sources.join(", "), drawn.provenance()),
    };
    facts(&[
        ("id", name(&row.uuid)),
        ("status", row.status.name().to_owned()),
        (
            "recorded",
            format!("{}, {} long", utc(row.start_unix_ns), time_span(row.end_ns)),
        ),
        ("model", join([&metadata.model, &None, &metadata.engine])),
        ("precision", join([&metadata.precision, &None, &None])),
        ("tokens", tokens),
        ("host", join([&row.host, &row.os, &None])),
        ("chip", join([&row.chip, &None, &None])),
        ("power from", power),
        ("method", method(summary).join("; ")),
    ])
}

/// What must be known before figures are read.
fn doubts(drawn: &Drawn) -> String {
    let (summary, run) = (&drawn.summary, &drawn.summary.run);
    let mut texts = Vec::new();
    texts.extend(
        run.caveat()
            .map(|caveat| format!("All figures below are {caveat}.")),
    );
    texts.extend(coverage_notes(summary));
    match run.row.status {
        RunStatus::Complete => {}
        RunStatus::Running => texts.push("The run goes on: figures are those up to now.".into()),
        status => texts.push(format!(
            "The run is {}: what it holds ends where it was last seen.",
            status.name()
        )),
    }
    for (rail, fault) in summary.faults() {
        texts.push(format!(
            "ACCOUNTS DO NOT BALANCE: {} is off by {}. Attribute again.",
            name(&rail.rail),
            energy(Some(fault))
        ));
    }
    if let (Some(shown), Some(newest)) = (&summary.attribution, summary.newest)
        && shown.id != newest
    {
        texts.push(format!(
            "Figures are those of attribution {}; the newest is {newest}.",
            shown.id
        ));
    }
    texts.extend(warnings(summary).iter().map(|text| shorten(text, LONG)));
    let events: Vec<String> = events(drawn);
    let title = match texts.is_empty() && events.is_empty() {
        true => "",
        false => "What to know of the figures",
    };
    let heading = match title {
        "" => String::new(),
        title => format!("<h3>{title}</h3>\n"),
    };
    heading + &list("cautions", &texts) + &list("events", &events)
}

fn events(drawn: &Drawn) -> Vec<String> {
    let events = &drawn.summary.events;
    let text = |event: &crate::query::Event| {
        let times = match event.count {
            ..=1 => String::new(),
            many => format!(" ({many} times)"),
        };
        let message = crate::format::escape(&shorten(&event.message, LONG));
        format!("{}{times}: {message}", name(&event.kind))
    };
    let mut texts: Vec<String> = events.iter().take(EVENTS).map(text).collect();
    let more = events.len().saturating_sub(EVENTS);
    if more > 0 {
        texts.push(format!("and {more} more: see `energy summary`"));
    }
    texts
}
