//! The predicted energy, and how well measured configurations are predicted.

use energy_statistics::NotEstimable;
use energy_statistics::prediction::{
    EnergyPredictor, FittedTerm, LeaveOneOut, ModelScaling, PredictedCell, Prediction, Workload,
};
use serde_json::{Value, json};

use super::group::PredictionGroup;
use super::options::PredictOptions;
use super::select::{
    SelectedGroup, SelectedModels, measured_models, of_machine, select, workloads,
};
use crate::analyse::{
    Latencies, different_conditions, disturbed_runs, list_of, read_configurations,
};
use crate::error::{Error, Result};
use crate::format::{
    Answer, Column, Sheet, counted, energy, escape, number, percent, precision_name, shorten,
};
use crate::query::{
    ConfigurationKey, END_TOKENS_IGNORED, RAW, Recording, RunConfiguration, RunFilter,
};

/// Confidence of intervals.
const CONFIDENCE: f64 = 0.90;
/// Share of covered configurations below which intervals are doubtful.
const DOUBTFUL: f64 = 0.80;
/// Maximum number of rows of a table; JSON contains all.
const SHOWN: usize = 20;

/// A predicted energy.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictedEnergy {
    /// What was predicted.
    pub workload: Workload,
    /// The prediction.
    pub prediction: Prediction,
    /// Predictions of the measured configurations from each other.
    pub leave_one_out: LeaveOneOut,
    /// What it is based on, in words.
    pub basis: String,
    /// The settings of its runs, and what was left out.
    pub group: PredictionGroup,
    /// Name of the model.
    pub model: String,
    /// Whether the model itself was measured.
    pub is_measured_model: bool,
    terms: Vec<FittedTerm>,
    provenance: Option<String>,
    cautions: Vec<String>,
    notes: Vec<String>,
}

/// Predicts the energy of a workload from the runs of one machine.
///
/// # Errors
/// If a file cannot be read, no run of the machine or model is there, there are too few
/// configurations, or an input is beyond twice the measured range; the message names what to run.
pub fn predict(recordings: &[&Recording], options: &PredictOptions) -> Result<PredictedEnergy> {
    let filter = RunFilter {
        experiment: options.experiment.clone(),
        ..RunFilter::default()
    };
    let read = read_configurations(recordings, &filter, Latencies::Skip)?;
    let here = of_machine(&read.configurations, options)?;
    let workload = Workload {
        input_tokens: f64::from(options.input),
        output_tokens: f64::from(options.output),
        batch: f64::from(options.batch),
    };
    match select(&here, options)? {
        Some(group) => of_group(&group, workload, options),
        None => {
            let Some(parameters) = options.parameters else {
                return Err(unknown_model(options, &names_of_models(&here)));
            };
            let selected = measured_models(&here, options);
            of_models(&selected, (workload, parameters), options)
        }
    }
}

fn of_group(
    group: &SelectedGroup<'_>,
    workload: Workload,
    options: &PredictOptions,
) -> Result<PredictedEnergy> {
    let measured = workloads(&group.members);
    let refused = |reason: NotEstimable| {
        refusal(
            &reason,
            &measured_words(group),
            options,
            &words_of(&group.key),
        )
    };
    let predictor = EnergyPredictor::fit(&measured, CONFIDENCE).map_err(refused)?;
    let prediction = predictor.predict(&workload).map_err(refused)?;
    let name = group.key.model.as_deref().unwrap_or("unnamed");
    Ok(PredictedEnergy {
        workload,
        prediction,
        leave_one_out: predictor.leave_one_out(),
        basis: measured_words(group),
        group: group.group.clone(),
        model: shorten(&escape(name), 60),
        is_measured_model: true,
        terms: predictor.terms(),
        provenance: group.key.provenance.clone(),
        cautions: cautions(&group.members),
        notes: group.group.sentences(),
    })
}

/// Returns what limits a prediction from these configurations.
fn cautions(members: &[&RunConfiguration]) -> Vec<String> {
    let all = || members.iter().copied();
    let both = [disturbed_runs(all()), different_conditions(all())];
    both.into_iter().flatten().collect()
}

/// Returns the runs of a group in words.
fn measured_words(group: &SelectedGroup<'_>) -> String {
    let runs: usize = group.members.iter().map(|one| one.runs.len()).sum();
    let precision = group.key.precision.as_deref().map(precision_name);
    let known = [
        precision,
        group.key.engine.clone(),
        group.key.device.clone(),
    ];
    let setting: Vec<String> = known
        .iter()
        .flatten()
        .map(|text| shorten(&escape(text), 40))
        .collect();
    format!(
        "{} of {} ({})",
        counted(runs, "run"),
        counted(group.members.len(), "configuration"),
        setting.join(", ")
    )
}

/// Returns the names of the measured models.
fn names_of_models(configurations: &[&RunConfiguration]) -> Vec<String> {
    let names = configurations
        .iter()
        .filter_map(|one| one.key.model.as_deref());
    let mut names: Vec<String> = names.map(|name| shorten(&escape(name), 40)).collect();
    names.sort();
    names.dedup();
    names
}

/// Returns the error for a model that was not measured and has no given parameters.
fn unknown_model(options: &PredictOptions, known: &[String]) -> Error {
    Error::Request(format!(
        "no run of a model named `{}` on this machine: measured are {}; give one of them, or \
         --parameters N to predict from models of other sizes",
        shorten(&escape(&options.model), 40),
        list_of(known)
    ))
}

fn of_models(
    selected: &SelectedModels<'_>,
    (workload, parameters): (Workload, f64),
    options: &PredictOptions,
) -> Result<PredictedEnergy> {
    let models = &selected.models;
    let names: Vec<String> = models
        .iter()
        .map(|model| shorten(&escape(&model.name), 40))
        .collect();
    let basis = format!("{} ({})", counted(models.len(), "model"), list_of(&names));
    let refused = |reason: NotEstimable| refusal(&reason, &basis, options, "");
    let scaling = ModelScaling::fit(models, CONFIDENCE).map_err(refused)?;
    let prediction = scaling.predict(parameters, &workload).map_err(refused)?;
    let exponent = scaling.law.exponent;
    let law = format!(
        "Energy grows with the active parameters to the power {} [{}, {}].",
        number(Some(exponent.value)),
        number(exponent.lo),
        number(exponent.hi)
    );
    Ok(PredictedEnergy {
        workload,
        prediction,
        leave_one_out: scaling.leave_one_model_out(),
        basis,
        group: selected.group.clone(),
        model: shorten(&escape(&options.model), 60),
        is_measured_model: false,
        terms: Vec::new(),
        provenance: selected.provenance.clone(),
        cautions: cautions(&selected.members),
        notes: [selected.group.sentences(), vec![law]].concat(),
    })
}

/// Returns the options that add runs to a group.
fn words_of(key: &ConfigurationKey) -> String {
    let mut words = String::new();
    if let Some(format) = key.requantize.as_deref().filter(|format| *format != "auto") {
        words += &format!(" --requantize {}", escape(format));
    }
    let sampling = key.sampling.as_deref().unwrap_or_default();
    if sampling.contains(END_TOKENS_IGNORED) {
        words += " --ignore-eos";
    }
    if key.prompt_form.as_deref() == Some(RAW) {
        words += " --raw";
    }
    words
}

/// Returns the error of a refused prediction, with the command that measures what is missing.
fn refusal(reason: &NotEstimable, basis: &str, options: &PredictOptions, words: &str) -> Error {
    let (input, output, batch) = (options.input, options.output, options.batch);
    let lengths = |most: u32| {
        let mut all = vec![(most / 4).max(1), (most / 2).max(1), most];
        all.dedup();
        all.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
    };
    let batches = match batch {
        1 => String::new(),
        most => format!(" --batch 1,{most}"),
    };
    let what = match options.parameters {
        Some(_) => "--model A,B,C,D".to_owned(),
        None => format!("--model {}", shorten(&escape(&options.model), 60)),
    };
    Error::Request(format!(
        "no prediction from {basis}: {reason}. For example: energy sweep {what} --prompt-tokens \
         {} --max-tokens {}{batches}{words} --repeat 3",
        lengths(input),
        lengths(output),
    ))
}

impl PredictedEnergy {
    /// Returns the number of predicted tokens of the batch.
    fn tokens(&self) -> f64 {
        (self.workload.input_tokens + self.workload.output_tokens) * self.workload.batch
    }

    /// Returns the prediction in words.
    pub fn sentence(&self) -> String {
        let predicted = &self.prediction.energy_j;
        let interval = match (predicted.lo, predicted.hi) {
            (None, None) => String::new(),
            (lo, hi) => format!(" [{}, {}], 90 % interval", energy(lo), energy(hi)),
        };
        let mut text = format!(
            "{}{interval}; {} per token.",
            energy(Some(predicted.value)),
            energy(Some(predicted.value / self.tokens())),
        );
        if let Some(reason) = &self.prediction.no_interval {
            text += &format!(" No interval: {reason}.");
        }
        if !self.prediction.is_within_range {
            text += " An input is outside of the measured range, within twice of it.";
        }
        text
    }

    /// Returns how well the measured configurations are predicted from the others, in words.
    pub fn check_sentence(&self) -> String {
        let check = &self.leave_one_out;
        if check.with_interval == 0 {
            return "Nothing was checked: without one of so few configurations there is no interval. \
                    Measure more of them."
                .to_owned();
        }
        let error = match check.median_relative_error {
            Some(error) => format!("; median error {}", percent(Some(error))),
            None => String::new(),
        };
        let refused = check.cells.len() - check.predicted;
        let refused = match refused {
            0 => String::new(),
            many => format!("; {many} could not be predicted from the others"),
        };
        format!(
            "Leaving out one configuration at a time: {}/{} intervals contain the measured \
             energy{error}{refused}.",
            check.covered, check.with_interval
        )
    }

    /// Converts to an answer.
    pub fn answer(&self) -> Answer {
        let Workload {
            input_tokens,
            output_tokens,
            batch,
        } = self.workload;
        let title = format!(
            "Energy of {} for {input_tokens:.0} prompt and {output_tokens:.0} generated tokens, \
             batch {batch:.0}",
            self.model
        );
        let predicted = &self.prediction.energy_j;
        let per = |joules: Option<f64>| joules.map(|joules| joules / self.tokens());
        let check = &self.leave_one_out;
        let mut answer = Answer::new("predict", title)
            .with("model", json!(self.model))
            .with("is_measured_model", json!(self.is_measured_model))
            .with("workload", json!(self.workload))
            .with("energy_j", json!(predicted.value))
            .with("lo_j", json!(predicted.lo))
            .with("hi_j", json!(predicted.hi))
            .with("confidence", json!(predicted.confidence))
            .with("j_per_token", json!(per(Some(predicted.value))))
            .with("j_per_token_lo", json!(per(predicted.lo)))
            .with("j_per_token_hi", json!(per(predicted.hi)))
            .with("is_within_range", json!(self.prediction.is_within_range))
            .with("no_interval", json!(self.prediction.no_interval))
            .with("samples", json!(self.prediction.samples))
            .with("basis", json!(self.basis))
            .with("group", json!(self.group))
            .with("provenance", json!(self.provenance))
            .with("terms", json!(self.terms))
            .with("covered", json!(check.covered))
            .with("with_interval", json!(check.with_interval))
            .with("predicted", json!(check.predicted))
            .with("median_relative_error", json!(check.median_relative_error));
        if self
            .provenance
            .as_deref()
            .is_some_and(|is| is != "measured")
        {
            let provenance = self.provenance.as_deref().unwrap_or_default();
            answer = answer.caution(format!("Power of the runs is {provenance}, not measured."));
        }
        for caution in &self.cautions {
            answer = answer.caution(caution);
        }
        answer = answer.lead(self.sentence()).lead(self.check_sentence());
        if check.with_interval >= 5
            && (check.covered as f64) < DOUBTFUL * check.with_interval as f64
        {
            answer = answer.caution(
                "Fewer than 80 % of the intervals contain the measured energy: the energy model \
                 does not describe these runs well.",
            );
        }
        let rows: Vec<Value> = check.cells.iter().map(row).collect();
        let shown = rows.iter().take(SHOWN).cloned().collect();
        answer = answer
            .sheet(Sheet::of_values("configurations", "", columns(), rows).data_only())
            .sheet(
                Sheet::of_values("shown", "Predicted from the others", columns(), shown)
                    .display_only(),
            );
        for note in &self.notes {
            answer = answer.note(note);
        }
        answer
    }
}

fn columns() -> Vec<Column> {
    vec![
        Column::number("input_tokens", "prompt").whole(),
        Column::number("output_tokens", "output").whole(),
        Column::number("batch", "batch").whole(),
        Column::energy("observed_j", "measured"),
        Column::energy("predicted_j", "predicted"),
        Column::interval("lo_j", "hi_j", "90 %"),
        Column::percent("relative_error", "error"),
        Column::text("covered", "covered"),
        Column::data("reason"),
    ]
}

fn row(cell: &PredictedCell) -> Value {
    let predicted = cell.predicted_j.as_ref();
    json!({
        "input_tokens": cell.workload.input_tokens,
        "output_tokens": cell.workload.output_tokens,
        "batch": cell.workload.batch,
        "observed_j": cell.observed_j,
        "predicted_j": predicted.map(|one| one.value),
        "lo_j": predicted.and_then(|one| one.lo),
        "hi_j": predicted.and_then(|one| one.hi),
        "relative_error": cell.relative_error,
        "covered": cell.is_covered.map(|is| if is { "yes" } else { "no" }),
        "is_covered": cell.is_covered,
        "reason": cell.reason.as_ref().map(ToString::to_string),
    })
}
