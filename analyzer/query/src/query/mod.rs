//! Reads a recording into plain structs. All SQL is in this folder, one file for each
//! query.
//!
//! Energies are those of one attribution: the one with the highest id, or an
//! [explicitly selected one](Recording::shown_by).

mod attributions;
mod average_power;
mod bad_values;
mod balance;
mod checkpoints;
mod combine;
mod conditions;
mod config;
mod configuration_key;
mod configurations;
mod coverage;
mod detail;
mod events;
mod experiments;
mod experts;
mod fitted;
mod groups;
mod interval;
mod kinds;
mod kinds_within;
mod latency;
mod ledger;
mod misplaced_spans;
mod open_spans;
mod phase_spans;
mod phases;
mod rail_power;
mod recorded_tokens;
mod recording;
mod run_answer;
mod run_facts;
mod run_filter;
mod run_filter_values;
mod run_interval;
mod run_page;
mod run_state;
mod run_texts;
mod run_values;
mod runs;
mod samples;
mod select;
mod setting;
mod share;
mod span_metrics;
mod span_times;
mod stored_quality;
mod tables;
mod token_times;
mod tokens;
mod totals;
mod windows;

use energy_data::UnknownNameError;
use rusqlite::Row;
use rusqlite::types::{Type, ValueRef};

pub use attributions::{Attribution, AttributionWarning, StoredRailFit, attributions};
pub use average_power::average_w;
pub use balance::{Balance, balance, sampled_name};
pub use checkpoints::Checkpoints;
pub use conditions::{Condition, conditions};
pub use config::StoredConfig;
pub use configuration_key::ConfigurationKey;
pub use configurations::{RunConfiguration, configurations};
pub use coverage::{coverage_note, run_coverage, running_note, totals_until_ns};
pub use detail::{Baseline, RowCounts, RunDetail, detail};
pub use energy_data::interval_energy::{
    KNOWN_FROM, REPORTED_BELOW, coverage, is_reported, sum_known,
};
pub use events::{StoredEvent, condition_events, condition_warnings, events, events_of};
pub use experiments::{ExperimentRuns, FAILED, NoResult, REPLACED_TAG, experiments, is_replaced};
pub use experts::{ExpertChoices, expert_choices};
pub use fitted::{FittedKinds, estimated_weight, fitted_kinds};
pub use groups::{NodeGroup, components, layers, roots};
pub use interval::{Spread, span_energy_over_rails};
pub use kinds::{GroupBy, shares};
pub use kinds_within::shares_within;
pub use latency::{Latency, latency};
pub use ledger::{Node, NodeLedger, ledger};
pub use ledger::{ledger_of, rails};
pub use misplaced_spans::misplaced_spans;
pub use open_spans::open_spans;
pub use phase_spans::{PhaseSpan, phase_spans};
pub use phases::{BETWEEN, Phase, named_phases, phases, phases_on};
pub use rail_power::{RailPower, rail_powers};
pub use recorded_tokens::recorded_tokens;
pub use recording::caveat;
pub use recording::{Recording, Run, repair};
pub use run_answer::run_answer;
pub use run_facts::{ModelShape, RunFacts, RunResults, add_latencies, run_facts};
pub use run_filter::RunFilter;
pub use run_filter_values::{NumberRange, parse_range, parse_tag_filter};
pub use run_interval::{RunInterval, run_interval};
pub use run_page::{RunOrder, RunPage, Sort, run_page};
pub use run_state::run_state;
pub use run_texts::{RunTexts, run_texts};
pub use runs::{RunListEntry, list, listed_run};
pub use samples::{PowerSample, idle_powers, samples};
pub use select::{RunSelection, by_tag, select};
pub use setting::{END_TOKENS_IGNORED, RAW, RunSetting, setting};
pub use share::Share;
pub use span_metrics::{
    ActivationStatistics, SpanMetrics, component_statistics, has_statistics, span_metrics,
};
pub use span_times::{SpanTimes, span_times};
pub use stored_quality::{QUALITY_TAGS, StoredQuality};
pub use tables::{CellValue, ColumnType, StoredTable, TABLES, TableColumn, table_rows};
pub use token_times::{TokenText, TokenTime, token_texts, token_times};
pub use tokens::{SAMPLING_ONLY, Token, tokens};
pub use totals::{DECODE, INPUT, OUTPUT, RecordedMeans, Tokens, totals_of};
pub use totals::{Totals, totals};
pub use windows::{StoredWindow, windows};

/// Reads a set of names from a column.
pub(crate) fn set_at<S>(r: &Row<'_>, column: usize) -> rusqlite::Result<S>
where
    S: std::str::FromStr<Err = UnknownNameError>,
{
    let parsed = r.get_ref(column)?.as_str()?.parse::<S>();
    parsed.map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

/// Reads a set of names from a column that may be NULL.
pub(crate) fn optional_set_at<S>(r: &Row<'_>, column: usize) -> rusqlite::Result<Option<S>>
where
    S: std::str::FromStr<Err = UnknownNameError>,
{
    match r.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => set_at(r, column).map(Some),
    }
}
