//! The questions, with their columns.

use energy_query::format::Column;
use energy_query::{Error, Result};

/// A question about a fleet.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it answers, in a phrase.
    pub about: &'static str,
    /// Options that it needs, as written on the command line; empty: none.
    pub needs: &'static str,
    /// Options that it uses, besides those of every question.
    pub uses: &'static str,
    /// Its SQL: one SELECT over the views.
    pub sql: &'static str,
    /// Its columns for display.
    pub(super) columns: fn() -> Vec<Column>,
}

/// All questions.
pub const QUESTIONS: [Question; 8] = [
    Question {
        name: "hosts",
        about: "energy, mean power and coverage of each host",
        needs: "",
        uses: "",
        sql: include_str!("sql/hosts.sql"),
        columns: hosts,
    },
    Question {
        name: "services",
        about: "energy of services, per request and token",
        needs: "",
        uses: "",
        sql: include_str!("sql/services.sql"),
        columns: services,
    },
    Question {
        name: "operations",
        about: "energy of each service's operations",
        needs: "",
        uses: "",
        sql: include_str!("sql/operations.sql"),
        columns: operations,
    },
    Question {
        name: "tokens",
        about: "energy of measured work per token by model and chip",
        needs: "",
        uses: "",
        sql: include_str!("sql/tokens.sql"),
        columns: tokens,
    },
    Question {
        name: "change",
        about: "change between dates or versions",
        needs: "--a and --b",
        uses: "--a SIDE --b SIDE",
        sql: include_str!("sql/change.sql"),
        columns: change,
    },
    Question {
        name: "outliers",
        about: "hosts unlike their group in J per request",
        needs: "",
        uses: "--threshold Z",
        sql: include_str!("sql/outliers.sql"),
        columns: outliers,
    },
    Question {
        name: "balance",
        about: "accounts of each rail over all hosts",
        needs: "",
        uses: "",
        sql: include_str!("sql/balance.sql"),
        columns: balance,
    },
    Question {
        name: "trace",
        about: "energy of one trace in each service",
        needs: "--trace-id",
        uses: "--trace-id ID",
        sql: include_str!("sql/trace.sql"),
        columns: trace,
    },
];

/// Returns the question with a name.
///
/// # Errors
/// If there is none.
pub fn question(name: &str) -> Result<&'static Question> {
    let found = QUESTIONS.iter().find(|question| question.name == name);
    found.ok_or_else(|| Error::Unknown {
        what: "question",
        name: name.to_owned(),
        known: QUESTIONS.map(|question| question.name).join(", "),
    })
}

fn hosts() -> Vec<Column> {
    vec![
        Column::id("host_id", "id"),
        Column::text("host", "host"),
        Column::text("chip", "chip"),
        Column::count("services", "services").from_width(110),
        Column::count("runs", "runs"),
        Column::energy("measured_j", "measured"),
        Column::data("measured_nj"),
        Column::energy("idle_j", "idle").from_width(100),
        Column::data("idle_nj"),
        Column::energy("spans_j", "spans"),
        Column::data("spans_nj"),
        Column::energy("other_processes_j", "other processes").from_width(130),
        Column::data("other_processes_nj"),
        Column::energy("unknown_j", "unknown").from_width(120),
        Column::data("unknown_nj"),
        Column::power("mean_w", "mean"),
        Column::percent("coverage", "coverage"),
        Column::time("runs_ns", "runs' time").from_width(140),
        Column::time("recorded_ns", "recorded").from_width(140),
    ]
}

fn services() -> Vec<Column> {
    vec![
        Column::text("service", "service"),
        Column::count("hosts", "hosts"),
        Column::count("runs", "runs"),
        Column::count("requests", "requests"),
        Column::count("tokens", "tokens").from_width(100),
        Column::energy("measured_j", "measured"),
        Column::data("measured_nj"),
        Column::energy("idle_j", "idle").from_width(110),
        Column::data("idle_nj"),
        Column::energy("spans_j", "spans").from_width(120),
        Column::data("spans_nj"),
        Column::energy("j_per_request", "per request"),
        Column::energy("j_per_token", "per token"),
    ]
}

fn operations() -> Vec<Column> {
    vec![
        Column::text("service", "service"),
        Column::path("kind", "operation"),
        Column::text("role", "role").from_width(110),
        Column::count("hosts", "hosts").from_width(100),
        Column::count("runs", "runs").from_width(120),
        Column::count("activations", "span entries"),
        Column::time("self_ns", "busy").from_width(110),
        Column::energy("self_j", "self"),
        Column::data("self_nj"),
        Column::energy("idle_j", "idle").from_width(130),
        Column::data("idle_nj"),
        Column::energy("j_per_activation", "per call"),
        Column::percent("share", "share"),
    ]
}

fn tokens() -> Vec<Column> {
    vec![
        Column::text("model", "model"),
        Column::text("precision", "precision"),
        Column::text("chip", "chip"),
        Column::count("hosts", "hosts").from_width(100),
        Column::count("runs", "runs"),
        Column::count("input_tokens", "prompt").from_width(110),
        Column::count("output_tokens", "generated").from_width(100),
        Column::energy("energy_j", "energy").from_width(110),
        Column::data("energy_nj"),
        Column::energy("j_per_token", "per token"),
        Column::energy("j_per_output_token", "per generated").from_width(120),
        Column::energy("median_j_per_token", "median"),
    ]
}

fn change() -> Vec<Column> {
    vec![
        Column::text("service", "service"),
        Column::text("unit", "per"),
        Column::path("kind", "operation"),
        Column::text("role", "role").from_width(130),
        Column::count("a_count", "a").from_width(140),
        Column::count("b_count", "b").from_width(140),
        Column::data("a_nj"),
        Column::data("b_nj"),
        Column::energy("a_j_per_unit", "a"),
        Column::energy("b_j_per_unit", "b"),
        Column::percent("change", "change"),
        Column::energy("difference_j", "difference").from_width(100),
    ]
}

fn outliers() -> Vec<Column> {
    vec![
        Column::id("host_id", "id"),
        Column::text("host", "host"),
        Column::text("service", "service"),
        Column::text("model", "model").from_width(110),
        Column::text("chip", "chip").from_width(100),
        Column::text("program_version", "version"),
        Column::count("hosts", "of"),
        Column::count("requests", "requests").from_width(120),
        Column::energy("energy_j", "energy").from_width(120),
        Column::data("energy_nj"),
        Column::energy("j_per_request", "per request"),
        Column::energy("median_j_per_request", "median"),
        Column::number("z", "z"),
    ]
}

fn balance() -> Vec<Column> {
    let account = |j, nj, heading: &str, width| {
        [
            Column::energy(j, heading).from_width(width),
            Column::data(nj),
        ]
    };
    let first = [
        Column::text("rail", "rail"),
        Column::text("root", "root"),
        Column::count("hosts", "hosts").from_width(120),
        Column::count("packs", "packs").from_width(110),
    ];
    let accounts = [
        account("measured_j", "measured_nj", "measured", 0),
        account("idle_j", "idle_nj", "idle", 0),
        account("spans_j", "spans_nj", "spans", 0),
        account("unattributed_j", "unattributed_nj", "unattributed", 120),
        account(
            "other_processes_j",
            "other_processes_nj",
            "other processes",
            120,
        ),
        account("profiler_j", "profiler_nj", "profiler", 140),
        account("residual_j", "residual_nj", "residual", 140),
        account("unknown_j", "unknown_nj", "unknown", 0),
        account("extrapolated_j", "extrapolated_nj", "extrapolated", 160),
        account("fault_j", "fault_nj", "fault", 100),
    ];
    let last = [Column::percent("coverage", "coverage").from_width(100)];
    first
        .into_iter()
        .chain(accounts.into_iter().flatten())
        .chain(last)
        .collect()
}

fn trace() -> Vec<Column> {
    vec![
        Column::text("service", "service"),
        Column::id("host_id", "id").from_width(100),
        Column::text("host", "host"),
        Column::id("run", "run"),
        Column::text("source", "from"),
        Column::count("number", "spans"),
        Column::count("sample_rate", "1 in").from_width(100),
        Column::time("busy_ns", "longest"),
        Column::energy("energy_j", "energy"),
        Column::data("energy_nj"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_unknown_ones_list_the_others() {
        for question in &QUESTIONS {
            assert_eq!(super::question(question.name).unwrap().sql, question.sql);
        }
        let error = question("joules").unwrap_err().to_string();
        assert!(error.contains("hosts, services"), "{error}");
    }

    #[test]
    fn questions_state_their_order_and_columns_in_the_file() {
        for question in &QUESTIONS {
            assert!(question.sql.contains("\nORDER BY "), "{}", question.name);
            assert!(
                !question.sql.contains(';'),
                "{}: one statement",
                question.name
            );
            let described = question.sql.split("\nWITH").next().unwrap();
            for column in (question.columns)() {
                let key = column.key();
                let key = key.strip_suffix("_j").map_or(key.to_owned(), |stem| {
                    if described.contains(key) {
                        key.to_owned()
                    } else {
                        format!("{stem}_nj")
                    }
                });
                assert!(described.contains(&key), "{}: {key}", question.name);
            }
        }
    }
}
