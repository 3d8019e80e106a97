//! The page around the sections: one file, which loads nothing.

use std::io::Write;

use serde::Serialize;

use super::comparison;
use super::content::HtmlReport;
use super::embed;
use super::markup::paragraph;
use super::sections::{SECTIONS, id};
use crate::charts::{self, RunCharts};
use crate::error::Result;
use crate::format::html::escape;
use crate::plot::Plot;

const STYLES: [&str; 3] = [
    charts::THEME,
    charts::STYLES,
    include_str!("assets/page.css"),
];
/// Script of the page, which follows those of the charts.
const SCRIPT: &str = include_str!("assets/main.js");

/// Data for the scripts.
#[derive(Serialize)]
struct Embedded<'r> {
    runs: Vec<&'r RunCharts>,
    #[serde(rename = "across")]
    comparison: Option<&'r comparison::ComparisonData>,
    /// Plots of the experiment.
    plots: &'r [Plot],
}

impl HtmlReport {
    /// Writes the page.
    ///
    /// # Errors
    /// Fails if `out` cannot be written.
    pub fn write(&self, out: &mut dyn Write) -> Result<()> {
        write(self, out)
    }
}

fn write(report: &HtmlReport, out: &mut dyn Write) -> Result<()> {
    let script = format!(
        "(() => {{\n\"use strict\";\n{}{SCRIPT}}})();\n",
        charts::SCRIPTS.concat()
    );
    let data = embed::json(&Embedded {
        runs: report.runs.iter().map(|run| &run.data).collect(),
        comparison: report
            .comparison
            .as_ref()
            .map(|comparison| &comparison.data),
        plots: report
            .experiment
            .as_ref()
            .map_or(&[], |experiment| experiment.plots.as_slice()),
    })?;
    let title = escape(&report.title);
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>\n{}\n</style>\n</head>\n",
        escape(&embed::policy(&script)),
        STYLES.concat(),
    )?;
    write!(out, "<body>\n{}", header(report, &title))?;
    writeln!(out, "<main id=\"main\" tabindex=\"-1\">")?;
    if let Some(experiment) = &report.experiment {
        out.write_all(experiment.section().as_bytes())?;
    }
    for (no, sections) in report.sections.iter().enumerate() {
        let name = escape(&report.runs[no].data.title);
        writeln!(
            out,
            "<article id=\"run{no}\" class=\"run\" aria-label=\"{name}\">\n{}{sections}</article>",
            contents(no)
        )?;
    }
    if let Some(comparison) = &report.comparison {
        out.write_all(comparison.section().as_bytes())?;
    }
    write!(
        out,
        "</main>\n{}<div id=\"tip\" role=\"status\" hidden></div>\n\
         <script type=\"application/json\" id=\"data\">{data}</script>\n\
         <script>{script}</script>\n</body>\n</html>\n",
        footer(report)
    )?;
    Ok(())
}

fn header(report: &HtmlReport, title: &str) -> String {
    let tabs = match report.runs.len() {
        1 if report.experiment.is_none() => String::new(),
        _ => tabs(report),
    };
    format!(
        "<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<header class=\"top\">\n\
         <h1>{title}</h1>\n<button id=\"theme\" type=\"button\" hidden>Theme</button>\n</header>\n\
         <noscript>{}</noscript>\n{tabs}",
        paragraph(
            "caution",
            "Scripts are disabled: charts are not drawn, but tables contain all values."
        )
    )
}

/// Returns links to runs; scripts show one run at a time.
fn tabs(report: &HtmlReport) -> String {
    let mut links: Vec<String> = report
        .runs
        .iter()
        .enumerate()
        .map(|(no, run)| {
            let letter = char::from(b'A' + u8::try_from(no).unwrap_or(25));
            let (title, provenance) = (escape(&run.data.title), escape(&run.data.provenance));
            format!(
                "<a href=\"#run{no}\" data-tab=\"{no}\">{letter}: {title} <small>{provenance}</small></a>"
            )
        })
        .collect();
    if report.experiment.is_some() {
        links.insert(0, "<a href=\"#experiment\">Experiment</a>".to_owned());
    }
    if report.comparison.is_some() {
        links.push("<a href=\"#comparison\">Comparison</a>".to_owned());
    }
    format!(
        "<nav class=\"tabs\" aria-label=\"Runs\">{}</nav>\n",
        links.join("\n")
    )
}

fn contents(no: usize) -> String {
    let links = SECTIONS
        .iter()
        .map(|(section, title)| format!("<a href=\"#{}\">{title}</a>", id(no, section)));
    format!(
        "<nav class=\"contents\" aria-label=\"Sections\">{}</nav>\n",
        links.collect::<Vec<_>>().join("\n")
    )
}

fn footer(report: &HtmlReport) -> String {
    format!(
        "<footer>{}</footer>\n",
        paragraph(
            "note",
            &format!(
                "Created by energy {} from {}. Energies are in joules; k, m and u stand for \
                 thousand, \
             thousandth and millionth. Intervals contain the true value in 90 % of cases.",
                env!("CARGO_PKG_VERSION"),
                report.file
            )
        )
    )
}
