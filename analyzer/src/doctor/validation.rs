//! `energy doctor --validate`: checks of this machine's sensors that need no other meter.
//!
//! | check | definition |
//! |---|---|
//! | coverage | share of the time in which the rail's energy is known |
//! | period | median time between two updates of the sensor |
//! | A/A | relative standard deviation of the energy of repeated equal work |
//! | counter / power | energy by the counter over power integrated over the same time |

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use energy_data::units::Nanos;
use energy_host::Host;
use energy_power::MonotonicClock;
use energy_power::characterise::{FAST_GAUGE, characterise};
use energy_power::detect::{OpenOptions, SourceChoice};
use energy_power::{
    Description, PowerSource, Provenance, Sample, Sampler, SamplerMessage, nvml, open,
};
use serde_json::{Value, json};
use tracing_energy::Clock;

use super::rounds::{self, Round};
use crate::format::{Answer, Column, Sheet, escape};
use crate::options::{duration_text, parse_duration};

/// Minimum coverage of a rail.
const LEAST_COVERAGE: f64 = 0.98;

/// Largest relative difference between counter and power.
const TOLERANCE: f64 = 0.1;

/// Duration of reading sensors to determine their update periods.
const PROBE: Duration = Duration::from_secs(2);

/// Options of the validation.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct ValidateOptions {
    /// Number of rounds of equal work with --validate
    #[arg(long, value_name = "N", default_value_t = Self::default().rounds,
          value_parser = RangedU64ValueParser::<usize>::new().range(3..), requires = "validate")]
    pub rounds: usize,
    /// Duration of a round with --validate, e.g. 5s
    #[arg(long, value_name = "DURATION", value_parser = parse_duration,
          default_value = duration_text(Self::default().round_time), requires = "validate")]
    pub round_time: Duration,
    /// Options for opening sources.
    #[arg(skip)]
    pub open: OpenOptions,
}

impl Default for ValidateOptions {
    fn default() -> Self {
        Self {
            rounds: 8,
            round_time: Duration::from_secs(2),
            open: OpenOptions::default(),
        }
    }
}

/// Results of one rail.
#[derive(Debug, Clone, PartialEq)]
pub struct RailCheck {
    /// Name of the source.
    pub source: String,
    /// Name of the rail.
    pub rail: String,
    /// Median time between two updates of the sensor.
    pub period: Option<Nanos>,
    /// Share of the rounds' time in which its energy is known.
    pub coverage: f64,
    /// Mean power over the rounds, W.
    pub mean_w: Option<f64>,
    /// Relative standard deviation of the rounds' energies.
    pub spread: Option<f64>,
    /// Energy by the counter over integrated power, if there are both.
    pub counter_over_power: Option<f64>,
}

impl RailCheck {
    /// Returns the failed checks.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.coverage < LEAST_COVERAGE {
            faults.push("gaps".to_owned());
        }
        if self.mean_w == Some(0.0) {
            faults.push("stands still".to_owned());
        }
        let ratio = self.counter_over_power;
        if ratio.is_some_and(|ratio| (ratio - 1.0).abs() > TOLERANCE) {
            faults.push("counter and power differ".to_owned());
        }
        faults
    }
}

/// Results of a machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// Description of the machine.
    pub machine: String,
    /// Measured rails.
    pub rails: Vec<RailCheck>,
    /// Number of rounds.
    pub rounds: usize,
    /// Mean duration of a round.
    pub round: Duration,
    /// Notices of the sources.
    pub notices: Vec<String>,
}

/// Validates the sensors that `auto` selects.
pub fn validate(options: &ValidateOptions) -> Validation {
    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::starting_in(Duration::ZERO));
    let mut sources = measured(&options.open, &clock);
    let mut validation = Validation {
        machine: machine(),
        rails: Vec::new(),
        rounds: options.rounds,
        round: Duration::ZERO,
        notices: Vec::new(),
    };
    if sources.is_empty() {
        return validation;
    }
    let periods = periods(&options.open, &clock);
    let power = options.open.nvml.then(|| nvml::open_power(FAST_GAUGE));
    let power = power.and_then(Result::ok);
    let descriptions: Vec<Description> = sources.iter().map(|one| one.describe()).collect();
    if let Some(power) = power {
        sources.push(Box::new(power));
    }
    let read = RoundSamples::of(sources, &clock, options);
    let mean = read.rounds.iter().map(|one| (one.end - one.start).nanos());
    let mean = mean.sum::<i64>() / read.rounds.len().max(1) as i64;
    validation.round = Nanos::from_nanos(mean).duration();
    for (source, description) in descriptions.iter().enumerate() {
        for (rail, described) in description.rails.iter().enumerate() {
            let period = periods
                .iter()
                .find(|one| one.source == description.name && one.rail == described.name);
            let mut check = read.check(source, rail, description, &described.name);
            check.period = period.and_then(|one| one.period);
            if description.name == "nvml" {
                check.counter_over_power = read.ratio((source, rail), (descriptions.len(), rail));
            }
            validation.rails.push(check);
        }
    }
    validation.notices = read.notices;
    validation
}

fn machine() -> String {
    let here = Host::here();
    let known = |text: Option<String>| text.unwrap_or_else(|| "unknown".to_owned());
    format!("{}, {}", known(here.chip), known(here.os))
}

/// Opens the measured sources that `auto` selects.
fn measured(options: &OpenOptions, clock: &Arc<dyn Clock>) -> Vec<Box<dyn PowerSource>> {
    let opened = open(&SourceChoice::Auto, options, clock);
    let mut sources = opened.map(|opened| opened.sources).unwrap_or_default();
    sources.retain(|source| source.describe().provenance == Provenance::Measured);
    sources
}

struct Period {
    source: String,
    rail: String,
    period: Option<Nanos>,
}

/// Determines the update period of each sensor.
fn periods(options: &OpenOptions, clock: &Arc<dyn Clock>) -> Vec<Period> {
    let choices = measured(options, clock)
        .iter()
        .filter_map(|source| source.describe().name.parse().ok())
        .collect::<Vec<SourceChoice>>();
    let fast = choices.iter().filter_map(|choice| {
        let left_out = &mut Vec::new();
        energy_power::characterise::open_fast(choice, options, clock, left_out).ok()
    });
    let fast: Vec<Box<dyn PowerSource>> = fast.collect();
    let descriptions: Vec<Description> = fast.iter().map(|one| one.describe()).collect();
    let seen = characterise(fast, clock, PROBE);
    let of = descriptions.into_iter().zip(seen);
    of.flat_map(|(description, seen)| {
        let rails = description.rails.into_iter().zip(seen.rails);
        let name = description.name;
        rails.map(move |(rail, seen)| Period {
            source: name.clone(),
            rail: rail.name,
            period: seen.period,
        })
    })
    .collect()
}

/// Samples of all sources during the rounds.
struct RoundSamples {
    samples: Vec<(usize, Sample)>,
    rounds: Vec<Round>,
    notices: Vec<String>,
}

impl RoundSamples {
    fn of(
        sources: Vec<Box<dyn PowerSource>>,
        clock: &Arc<dyn Clock>,
        options: &ValidateOptions,
    ) -> Self {
        let longest = sources.iter().map(|source| source.describe().interval);
        let settle = longest.max().unwrap_or_default().duration() * 2;
        let (sender, messages) = channel();
        let sampler = Sampler::spawn(sources, Arc::clone(clock), sender);
        std::thread::sleep(settle);
        let rounds = rounds::execute(&**clock, options.rounds, options.round_time);
        std::thread::sleep(settle);
        let left = sampler.stop();
        let mut read = Self {
            samples: Vec::new(),
            rounds,
            notices: left.into_iter().map(|notice| notice.message).collect(),
        };
        for message in messages.try_iter() {
            read.add(message);
        }
        read
    }

    fn add(&mut self, message: SamplerMessage) {
        match message {
            SamplerMessage::Reading { source, reading } => {
                let samples = reading.samples.into_iter();
                self.samples.extend(samples.map(|sample| (source, sample)));
                let notices = reading.notices.into_iter();
                self.notices.extend(notices.map(|notice| notice.message));
            }
            SamplerMessage::Error { error, .. } => self.notices.push(error.to_string()),
            _ => {}
        }
    }

    /// Returns a rail's energy in each round, with its coverage.
    fn energies(&self, source: usize, rail: usize) -> Vec<(f64, f64)> {
        let own = self.samples.iter();
        let own = own.filter(|(of, sample)| *of == source && sample.rail == rail);
        let own: Vec<&Sample> = own.map(|(_, sample)| sample).collect();
        let rounds = self.rounds.iter();
        rounds.map(|round| rounds::energy(&own, *round)).collect()
    }

    fn check(&self, source: usize, rail: usize, of: &Description, name: &str) -> RailCheck {
        let energies = self.energies(source, rail);
        let known: f64 = energies.iter().map(|one| one.1).sum();
        let whole = energies.iter().filter(|one| one.1 >= LEAST_COVERAGE);
        let joules: Vec<f64> = whole.map(|one| one.0).collect();
        let seconds: f64 = self
            .rounds
            .iter()
            .map(|one| (one.end - one.start).seconds())
            .sum();
        let mean_s = seconds / self.rounds.len().max(1) as f64;
        let mean_j = joules.iter().sum::<f64>() / joules.len().max(1) as f64;
        RailCheck {
            source: of.name.clone(),
            rail: name.to_owned(),
            period: None,
            coverage: known / self.rounds.len().max(1) as f64,
            mean_w: (!joules.is_empty() && mean_s > 0.0).then(|| mean_j / mean_s),
            spread: spread(&joules),
            counter_over_power: None,
        }
    }

    /// Returns the ratio of two rails' energies over rounds in which both are known.
    fn ratio(&self, one: (usize, usize), other: (usize, usize)) -> Option<f64> {
        let pairs = self.energies(one.0, one.1).into_iter();
        let pairs = pairs.zip(self.energies(other.0, other.1));
        let both = pairs.filter(|(a, b)| a.1.min(b.1) >= LEAST_COVERAGE);
        let (a, b) = both.fold((0.0, 0.0), |sum, (a, b)| (sum.0 + a.0, sum.1 + b.0));
        (b > 0.0).then(|| a / b)
    }
}

/// Returns the relative standard deviation; `None` for fewer than three values.
fn spread(joules: &[f64]) -> Option<f64> {
    let count = joules.len() as f64;
    let mean = joules.iter().sum::<f64>() / count;
    let squares: f64 = joules.iter().map(|one| (one - mean).powi(2)).sum();
    (joules.len() > 2 && mean > 0.0).then(|| (squares / (count - 1.0)).sqrt() / mean)
}

impl Validation {
    /// Converts the results to a table with an explanation.
    pub fn answer(&self) -> Answer {
        let title = match self.rails.is_empty() {
            true => "No sensor can be read here: there is nothing to validate".to_owned(),
            false => format!("Sensors of {}", escape(&self.machine)),
        };
        let mut answer = Answer::new("validate", title)
            .with("machine", json!(self.machine))
            .with("has_measured", json!(!self.rails.is_empty()));
        if self.rails.is_empty() {
            return answer.note(format!(
                "{}: power is modelled from CPU time; `energy doctor` shows why no sensor can be \
                 read.",
                escape(&self.machine)
            ));
        }
        let rows: Vec<Value> = self.rails.iter().map(row).collect();
        answer = answer.sheet(Sheet::new("rails", "Rails", columns(), rows));
        answer = answer.note(format!(
            "A/A: relative standard deviation of the energy of {} rounds of equal work on one \
             core, {:.1} s each. Counter / power: energy by the counter over integrated power.",
            self.rounds,
            self.round.as_secs_f64()
        ));
        for notice in &self.notices {
            answer = answer.note(format!("{}.", escape(notice)));
        }
        answer
    }

    /// Returns whether there are measured rails and none failed.
    pub fn is_in_order(&self) -> bool {
        !self.rails.is_empty() && self.rails.iter().all(|rail| rail.faults().is_empty())
    }
}

fn columns() -> Vec<Column> {
    vec![
        Column::text("source", "source"),
        Column::text("rail", "rail"),
        Column::time("period_ns", "update period"),
        Column::percent("coverage", "coverage"),
        Column::power("mean_w", "mean"),
        Column::percent("spread", "A/A"),
        Column::number("counter_over_power", "counter / power"),
        Column::text("verdict", "verdict"),
    ]
}

fn row(rail: &RailCheck) -> Value {
    let faults = rail.faults();
    let verdict = match faults.is_empty() {
        true => "in order".to_owned(),
        false => faults.join(", "),
    };
    json!({
        "source": rail.source,
        "rail": rail.rail,
        "period_ns": rail.period.map(Nanos::nanos),
        "coverage": rail.coverage,
        "mean_w": rail.mean_w,
        "spread": rail.spread,
        "counter_over_power": rail.counter_over_power,
        "verdict": verdict,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_relative_to_the_mean_and_needs_three_rounds() {
        assert_eq!(spread(&[1.0, 1.0]), None);
        assert_eq!(spread(&[0.0, 0.0, 0.0]), None);
        let spread = spread(&[9.0, 10.0, 11.0]).unwrap();
        assert!((spread - 0.1).abs() < 1e-12, "{spread}");
    }

    #[test]
    fn failed_checks_of_a_rail_are_named() {
        let good = RailCheck {
            source: "nvml".into(),
            rail: "gpu".into(),
            period: None,
            coverage: 1.0,
            mean_w: Some(70.0),
            spread: Some(0.01),
            counter_over_power: Some(1.02),
        };
        assert_eq!(good.faults(), [""; 0]);
        let bad = RailCheck {
            coverage: 0.5,
            mean_w: Some(0.0),
            counter_over_power: Some(0.5),
            ..good
        };
        assert_eq!(
            bad.faults(),
            ["gaps", "stands still", "counter and power differ"]
        );
    }
}
