//! Efficiency, cost and emissions in the summary table.

use std::io::{self, Write};

use super::page::SummaryPage;
use crate::efficiency::{Carbon, Cost};
use crate::format::{UNKNOWN, energy, mass, number, percent, time_span};

/// Width of a name.
const NAME: usize = 20;

impl SummaryPage<'_> {
    pub(super) fn efficiency(&self, out: &mut dyn Write) -> io::Result<()> {
        let totals = &self.summary.totals;
        if totals.energy_j.is_none() && totals.tokens_per_s.is_none() {
            return Ok(());
        }
        self.section(out, "Efficiency")?;
        if (totals.input_tokens, totals.output_tokens) != (None, None) {
            self.tokens(out)?;
        }
        self.recorded(out)?;
        self.latency(out)?;
        self.weights(out)?;
        let efficiency = &self.summary.efficiency;
        let shares = format!(
            "{} idle, {} active",
            percent(efficiency.idle_share),
            percent(efficiency.active_share)
        );
        self.named(out, "energy shares", &shares)?;
        let mut delay = joule_seconds(totals.energy_delay_js);
        if efficiency.energy_delay_per_token_js.is_some() {
            let of_token = joule_seconds(efficiency.energy_delay_per_token_js);
            delay += &format!(", {of_token} per generated token");
        }
        self.named(out, "energy-delay product", &delay)?;
        self.costs(out)
    }

    fn tokens(&self, out: &mut dyn Write) -> io::Result<()> {
        let totals = &self.summary.totals;
        let per_token = |joules| match joules {
            Some(_) => format!("{}/token", energy(joules)),
            None => UNKNOWN.to_owned(),
        };
        let mut output = per_token(totals.j_per_output_token);
        if let Some(ratio) = self.summary.efficiency.output_over_input {
            output += &format!(", {} x input", number(Some(ratio)));
        }
        self.named(out, "all tokens", &per_token(totals.j_per_token))?;
        self.named(out, "input", &per_token(totals.j_per_input_token))?;
        self.named(out, "output", &output)?;
        self.named(out, "speed", &unit(totals.tokens_per_s, "tokens/s"))?;
        self.named(
            out,
            "tokens per joule",
            &unit(totals.tokens_per_j, "tokens/J"),
        )
    }

    /// Writes the means of the recorded part of a run that did not report its tokens.
    fn recorded(&self, out: &mut dyn Write) -> io::Result<()> {
        let means = &self.summary.recorded_means;
        let (Some(tokens), Some(joules)) = (self.summary.recorded_tokens, means.j_per_output_token)
        else {
            return Ok(());
        };
        let speed = unit(means.tokens_per_s, "tokens/s");
        let text = format!(
            "{tokens} tokens in decode, {}/token, {speed}",
            energy(Some(joules))
        );
        self.named(out, "recorded part", &text)
    }

    /// Writes the waiting times of requests, if any is known.
    fn latency(&self, out: &mut dyn Write) -> io::Result<()> {
        let latency = &self.summary.latency;
        let pair = |ns: Option<i64>, joules: Option<f64>| {
            let time = ns.map(|ns| time_span(Some(ns)))?;
            Some(format!("{time}, {}", energy(joules)))
        };
        let texts = [
            ("time to first token", pair(latency.ttft_ns, latency.ttft_j)),
            ("time/further token", pair(latency.tpot_ns, latency.tpot_j)),
        ];
        texts.into_iter().try_for_each(|(name, text)| match text {
            Some(text) => self.named(out, name, &text),
            None => Ok(()),
        })
    }

    /// Writes the energy per parameter of the model, if known.
    fn weights(&self, out: &mut dyn Write) -> io::Result<()> {
        let efficiency = &self.summary.efficiency;
        let parts = [
            (
                "parameters",
                efficiency.parameters,
                efficiency.j_per_million_parameters,
            ),
            (
                "active parameters",
                efficiency.active_parameters,
                efficiency.j_per_million_active_parameters,
            ),
        ];
        parts.into_iter().try_for_each(|(name, weights, joules)| {
            let Some(weights) = weights else {
                return Ok(());
            };
            let millions = number(Some(weights as f64 / 1e6));
            let text = format!("{millions} million, {} per million", energy(joules));
            self.named(out, name, &text)
        })
    }

    /// Writes cost and emissions, if a price or a factor was given.
    fn costs(&self, out: &mut dyn Write) -> io::Result<()> {
        let efficiency = &self.summary.efficiency;
        if let Some(cost) = &efficiency.cost {
            self.named(out, "cost", &cost_words(cost))?;
        }
        match &efficiency.carbon {
            Some(carbon) => {
                self.named(out, "CO2", &carbon_words(carbon))?;
                self.named(out, "", &factor_words(carbon))
            }
            None => Ok(()),
        }
    }

    /// Writes a named value. Unknown values are skipped for a single phase, which does not
    /// comprise all tokens.
    fn named(&self, out: &mut dyn Write, name: &str, value: &str) -> io::Result<()> {
        if self.summary.scope.phase.is_some() && value == UNKNOWN {
            return Ok(());
        }
        match self.style.is_markdown() {
            true => self.line(out, name, value),
            false => self.line(out, &format!("{name:<NAME$}"), value),
        }
    }
}

/// Formats an energy-delay product.
pub(super) fn joule_seconds(value: Option<f64>) -> String {
    match value {
        Some(_) => format!("{} s", energy(value)),
        None => UNKNOWN.to_owned(),
    }
}

fn cost_words(cost: &Cost) -> String {
    let money = cost.currency.as_deref().unwrap_or_default();
    let amount = |value| format!("{} {money}", small(value)).trim_end().to_owned();
    let mut text = amount(cost.cost);
    if cost.cost_per_million_tokens.is_some() {
        text += &format!(
            ", {} per million tokens",
            amount(cost.cost_per_million_tokens)
        );
    }
    text + &format!(", at {}/kWh", amount(Some(cost.price_per_kwh)))
}

fn carbon_words(carbon: &Carbon) -> String {
    let mut text = mass(carbon.co2_g);
    if carbon.co2_g_per_million_tokens.is_some() {
        let tokens = mass(carbon.co2_g_per_million_tokens);
        text += &format!(", {tokens} per million tokens");
    }
    text
}

fn factor_words(carbon: &Carbon) -> String {
    let factor = format!("at {} g/kWh", number(Some(carbon.g_per_kwh)));
    match (&carbon.region, carbon.year, &carbon.source) {
        (Some(region), Some(year), Some(source)) => {
            format!("{factor}: {region} {year}, {source}")
        }
        _ => factor,
    }
}

/// Formats a number that may be very small.
fn small(value: Option<f64>) -> String {
    match value {
        Some(value) if value != 0.0 && value.abs() < 0.1 => format!("{value:.3e}"),
        value => number(value),
    }
}

fn unit(value: Option<f64>, unit: &str) -> String {
    match value {
        Some(_) => format!("{} {unit}", number(value)),
        None => UNKNOWN.to_owned(),
    }
}
