//! Analyses of an experiment: a sentence, a plot and a table for each that has an answer.

use super::markup::{details, list, paragraph, plot, section};
use crate::analyse::{ANALYSES, AnalyseOptions, Analysed, Latencies, read_configurations};
use crate::charts::name;
use crate::error::Result;
use crate::format::counted;
use crate::plot::Plot;
use crate::query::{Recording, RunFilter};

/// An experiment with its analyses.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ReportedExperiment {
    /// Plots, by the numbers in the page.
    pub(super) plots: Vec<Plot>,
    name: String,
    html: String,
}

impl ReportedExperiment {
    /// Analyses the runs of an experiment.
    pub(super) fn read(recording: &Recording, experiment: &str) -> Result<Self> {
        let options = AnalyseOptions {
            filter: RunFilter {
                experiment: Some(experiment.to_owned()),
                ..RunFilter::default()
            },
            per: None,
        };
        let read = read_configurations(&[recording], &options.filter, Latencies::Read)?;
        let (mut plots, mut html, mut open) = (Vec::new(), String::new(), Vec::new());
        html += &paragraph(
            "note",
            &format!(
                "{} of {}.",
                counted(read.runs(), "run"),
                counted(read.configurations.len(), "configuration")
            ),
        );
        for analysis in ANALYSES {
            let analysed = Analysed::of(&read, analysis, &options);
            if !analysed.is_answered() {
                open.push(format!(
                    "{}: measure {}",
                    analysis.question, analysis.varied
                ));
                continue;
            }
            html += &one(&analysed, plots.len());
            plots.extend(analysed.result.plots);
        }
        if !open.is_empty() {
            let count = open.len();
            html += &details(
                "Questions that these runs do not answer",
                count,
                &list("open", &open),
            );
        }
        Ok(Self {
            plots,
            name: name(experiment),
            html,
        })
    }

    /// Returns its HTML section.
    pub(super) fn section(&self) -> String {
        section(
            "experiment",
            &format!("Experiment {}", self.name),
            "Series are configurations that are equal in all but what is analysed. Intervals and \
             sets hold at 95 %.",
            &self.html,
        )
    }
}

/// Returns the part of one analysis. The numbers of its plots begin with `first`.
fn one(analysed: &Analysed, first: usize) -> String {
    let answer = analysed.answer();
    let question = crate::format::html::escape(analysed.analysis.question);
    let figures: String = analysed
        .result
        .plots
        .iter()
        .enumerate()
        .map(|(at, one)| plot(first + at, &one.title))
        .collect();
    let rows: usize = analysed
        .result
        .findings
        .iter()
        .map(|one| one.rows.len())
        .sum();
    format!(
        "<h3 id=\"experiment-{}\">{question}</h3>\n{}{figures}{}",
        analysed.analysis.name,
        list("answers", &analysed.sentences()),
        details("As a table", rows, &answer.html())
    )
}
