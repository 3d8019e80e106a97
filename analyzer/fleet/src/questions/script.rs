//! Scripts: tables, functions and views of an engine, then queries.

use energy_query::Result;

use super::columns::{tables, view_columns};
use super::engine::Engine;
use super::location::Location;
use super::parameters::Parameters;
use crate::columns::{FleetTable, PACKS};

/// Views over the tables, in the order of their definition.
const PACKS_SENT: &str = include_str!("sql/views/packs_sent.sql");
const PACK_OBJECTS: &str = include_str!("sql/views/pack_objects.sql");
const COUNTED: &str = include_str!("sql/views/counted.sql");
const COUNTED_TABLE: &str = include_str!("sql/views/counted_table.sql");
const SENT_TABLE: &str = include_str!("sql/views/sent_table.sql");
const RUN_TOTALS: &str = include_str!("sql/views/run_totals.sql");
const RUN_WORK: &str = include_str!("sql/views/run_work.sql");
/// Views of runs, which only some queries read.
const RUN_VIEWS: [(&str, &str); 2] = [("run_totals", RUN_TOTALS), ("run_work", RUN_WORK)];
/// What was found, before any question.
const STATE: &str =
    "SELECT count(*) AS packs, max(schema_version) AS schema_version\nFROM packs_sent";
/// Name of the query of the state.
pub(super) const STATE_NAME: &str = "(state)";
/// Name of the mark after the last query.
pub(super) const END_NAME: &str = "(end)";

/// A statement of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Statement {
    /// Defines something; has no rows.
    Definition(String),
    /// Marks the begin of a query with this name.
    Mark(String),
    /// Returns rows.
    Query(String),
}

/// What a script is about: place, engine and parameters.
#[derive(Debug, Clone)]
pub struct Session {
    engine: Engine,
    location: Location,
    parameters: Parameters,
}

impl Session {
    /// Creates the session of an engine on the packs below `root`.
    ///
    /// # Errors
    /// If the engine cannot read the root.
    pub fn new(engine: Engine, root: &str, parameters: &Parameters) -> Result<Self> {
        Ok(Self {
            engine,
            location: Location::parse(root, engine)?,
            parameters: parameters.clone(),
        })
    }

    /// Returns the engine.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Returns the script of one query as text, to be executed by other means.
    pub fn text(&self, query: &str) -> String {
        let definitions = self.definitions(&[], false);
        let mut text: String = definitions
            .iter()
            .map(|statement| format!("{statement};\n\n"))
            .collect();
        for statement in self.prerequisites(query) {
            text.push_str(&format!("{statement};\n\n"));
        }
        text.push_str(query.trim_end());
        text.push_str(";\n");
        text
    }

    /// Returns the statements of queries, with marks that separate their rows.
    pub(super) fn statements(&self, queries: &[(&str, &str)], with_sent: bool) -> Vec<Statement> {
        let texts: Vec<&str> = queries.iter().map(|(_, query)| *query).collect();
        let definitions = self.definitions(&texts, with_sent);
        let mut statements: Vec<Statement> =
            definitions.into_iter().map(Statement::Definition).collect();
        for (name, query) in [(STATE_NAME, STATE)].iter().chain(queries) {
            statements.push(self.mark(name));
            let before = self.prerequisites(query).into_iter();
            statements.extend(before.map(Statement::Definition));
            let query = self
                .engine
                .as_json_lines(without_comments(query).trim_end());
            statements.push(Statement::Query(query));
        }
        statements.push(self.mark(END_NAME));
        statements
    }

    /// Returns what a query needs besides the views of tables: views of each run. A view that a query
    /// reads repeatedly is computed once, because not every engine does so by itself.
    fn prerequisites(&self, query: &str) -> Vec<String> {
        let define = |(name, view): &(&str, &str)| {
            let view = without_comments(view);
            match reads(query, name) {
                0 => None,
                1 => Some(self.engine.view(name, view.trim_end())),
                2.. => Some(self.engine.snapshot(name, view.trim_end())),
            }
        };
        RUN_VIEWS.iter().filter_map(define).collect()
    }

    fn mark(&self, name: &str) -> Statement {
        let (name, now) = (self.engine.literal(name), self.engine.now_us());
        let query = format!("SELECT {name} AS energy_mark, {now} AS at_us");
        Statement::Mark(self.engine.as_json_lines(&query))
    }

    /// Returns the definitions of the tables that the queries read; of all without queries.
    fn definitions(&self, queries: &[&str], with_sent: bool) -> Vec<String> {
        let engine = self.engine;
        let is_read = |table: &&FleetTable| {
            let mut texts = queries.iter().flat_map(|query| with_prerequisites(query));
            queries.is_empty() || with_sent || texts.any(|text| reads(text, table.name) > 0)
        };
        let read: Vec<&FleetTable> = tables().filter(is_read).collect();
        let mut all = statements(&block(engine.template(), "once"));
        for table in read.iter().copied().chain([&PACKS]) {
            all.extend(statements(&self.table(table)));
        }
        all.extend(self.packs());
        let view = |suffix: &str, query: &str, table: &FleetTable| {
            engine.view(&format!("{}{suffix}", table.name), &of_table(query, table))
        };
        all.extend(read.iter().map(|table| view("", COUNTED_TABLE, table)));
        if with_sent {
            all.extend(read.iter().map(|table| view("_sent", SENT_TABLE, table)));
        }
        all.push(engine.view("parameters", &self.parameters.row(engine)));
        all.iter().map(|text| text.trim_end().to_owned()).collect()
    }

    /// Returns the definitions of the views of packs.
    fn packs(&self) -> [String; 4] {
        let engine = self.engine;
        let packs = of_table(COUNTED_TABLE, &PACKS).replace("_raw", "_sent");
        [
            engine.snapshot("packs_sent", &of_table(PACKS_SENT, &PACKS)),
            engine.view("pack_objects", &without_comments(PACK_OBJECTS)),
            engine.snapshot("counted", &without_comments(COUNTED)),
            engine.view("packs", &packs),
        ]
    }

    /// Returns the definition of a table's view over its objects.
    fn table(&self, table: &FleetTable) -> String {
        let engine = self.engine;
        let values: Vec<String> = table
            .columns()
            .map(|(name, _)| engine.value(name))
            .collect();
        let location = &self.location;
        // Plain replacement is safe, because what is inserted last is not searched again:
        // the location may contain anything but braces.
        block(engine.template(), "table")
            .replace("{table}", table.name)
            .replace("{columns}", &engine.structure(table))
            .replace("{structure}", &engine.literal(&engine.structure(table)))
            .replace("{values}", &values.join(", "))
            .replace("{dates}", &self.dates(table))
            .replace("{function}", location.clickhouse_function())
            .replace(
                "{read}",
                &engine.literal(&engine.duckdb_read(table, &location.objects(table.name))),
            )
            .replace("{empty}", &engine.literal(&engine.duckdb_empty(table)))
            .replace("{location}", &engine.literal(&location.table(table.name)))
            .replace("{objects}", &engine.literal(&location.objects(table.name)))
    }

    /// Returns the condition on dates. Manifests of all dates are read, because an attribution
    /// counts as a whole.
    fn dates(&self, table: &FleetTable) -> String {
        let dates = self.parameters.dates();
        let limits = [(">=", &dates.since), ("<=", &dates.until)];
        let conditions: Vec<String> = limits
            .iter()
            .filter_map(|(sign, date)| {
                let date = self.engine.literal(date.as_deref()?);
                Some(format!("date {sign} {date}"))
            })
            .collect();
        match conditions.is_empty() || *table == PACKS {
            true => "TRUE".to_owned(),
            false => conditions.join(" AND "),
        }
    }
}

/// Counts how often a query reads a table or view of a name that begins so.
fn reads(query: &str, name: &str) -> usize {
    let query = without_comments(query);
    let words = ["FROM", "JOIN"].map(|word| format!("{word} {name}"));
    words.iter().map(|text| query.matches(text).count()).sum()
}

/// Returns a query and the views of runs that it reads.
fn with_prerequisites(query: &str) -> impl Iterator<Item = &str> {
    let views = RUN_VIEWS
        .iter()
        .filter(move |(name, _)| reads(query, name) > 0);
    std::iter::once(query).chain(views.map(|(_, view)| *view))
}

/// Returns the part of a template between its marks.
fn block(template: &str, name: &str) -> String {
    let after = template.split(&format!("-- begin {name}\n")).nth(1);
    let block = after.and_then(|text| text.split(&format!("-- end {name}\n")).next());
    block.unwrap_or_default().to_owned()
}

/// Returns the statements of a text, in which a semicolon at the end of a line ends one.
fn statements(text: &str) -> Vec<String> {
    let text = without_comments(text);
    let all = text.split(";\n").map(str::trim);
    all.filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Returns a query without lines that are comments: not every shell can skip them.
fn without_comments(query: &str) -> String {
    let lines = query.lines().filter(|line| !line.starts_with("--"));
    lines.map(|line| format!("{line}\n")).collect()
}

fn of_table(query: &str, table: &FleetTable) -> String {
    without_comments(query)
        .replace("{columns}", &view_columns(table).join(", "))
        .replace("{table}", table.name)
}

#[cfg(test)]
mod tests {
    use super::super::{CHECKS, QUESTIONS, question};
    use super::*;
    use crate::columns::FLEET_TABLES;

    fn session(engine: Engine, name: &str, parameters: &Parameters) -> Session {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join(name);
        std::fs::create_dir_all(root.join("v1/packs")).unwrap();
        Session::new(engine, root.to_str().unwrap(), parameters).unwrap()
    }

    #[test]
    fn scripts_have_no_placeholder_left_and_define_every_view_once() {
        for engine in Engine::ALL {
            let session = session(engine, "fleet", &Parameters::default());
            let text = session.text(QUESTIONS[0].sql);
            for part in [
                "{table}",
                "{columns}",
                "{values}",
                "{dates}",
                "{read}",
                "{objects}",
            ] {
                assert!(!text.contains(part), "{engine:?}: {part}");
            }
            for table in FLEET_TABLES {
                let defined = format!("VIEW {} AS\n", table.name);
                assert_eq!(text.matches(&defined).count(), 1, "{engine:?}: {defined}");
            }
        }
    }

    #[test]
    fn quotes_in_the_root_stay_in_their_literals() {
        let text =
            |engine| session(engine, "it's; DROP TABLE x", &Parameters::default()).text("SELECT 1");
        assert!(text(Engine::Spark).contains("it\\'s; DROP TABLE x/v1/kinds'"));
        assert!(text(Engine::ClickHouse).contains("it\\'s; DROP TABLE x/v1/kinds/date=*"));
        // A literal within a literal: doubled twice.
        assert!(text(Engine::DuckDb).contains("it''''s; DROP TABLE x/v1/kinds/date=*"));
        assert!(text(Engine::DuckDb).contains("it''s; DROP TABLE x/v1/kinds/date=*"));
    }

    #[test]
    fn parameters_are_literals() {
        let parameters = Parameters {
            trace_id: Some("x' OR '1'='1".to_owned()),
            ..Parameters::default()
        };
        let text = |engine| session(engine, "fleet", &parameters).text("SELECT 1");
        assert!(text(Engine::DuckDb).contains("'x'' OR ''1''=''1' AS trace_id"));
        assert!(text(Engine::Spark).contains("'x\\' OR \\'1\\'=\\'1' AS trace_id"));
    }

    #[test]
    fn dates_limit_all_tables_but_the_manifests() {
        let parameters = Parameters {
            since: Some("2026-11-03".to_owned()),
            ..Parameters::default()
        };
        let text = session(Engine::DuckDb, "fleet", &parameters).text("SELECT 1");
        assert_eq!(
            text.matches("date >= '2026-11-03'").count(),
            tables().count()
        );
    }

    #[test]
    fn a_question_defines_the_tables_that_it_reads() {
        let session = session(Engine::Spark, "fleet", &Parameters::default());
        let defined = |name: &str| {
            let query = question(name).unwrap().sql;
            let statements = session.statements(&[(name, query)], false);
            let of_table = |table: &&str| {
                let text = format!("CREATE TABLE energy_{table} (");
                statements
                    .iter()
                    .any(|one| matches!(one, Statement::Definition(sql) if sql.starts_with(&text)))
            };
            let names = FLEET_TABLES.map(|table| table.name);
            names.iter().copied().filter(of_table).collect::<Vec<_>>()
        };
        assert_eq!(defined("balance"), ["accounts", "packs"]);
        assert_eq!(defined("tokens"), ["runs", "accounts", "phases", "packs"]);
        assert_eq!(defined("trace"), ["requests", "spans", "packs"]);
    }

    #[test]
    fn a_view_of_runs_is_computed_once_if_it_is_read_repeatedly() {
        let session = session(Engine::DuckDb, "fleet", &Parameters::default());
        let before = |query: &str| session.prerequisites(query).join("\n");
        assert_eq!(before("SELECT * FROM accounts"), "");
        assert!(before("SELECT * FROM run_totals").contains("VIEW run_totals AS"));
        let twice = before("SELECT * FROM run_work a JOIN run_work b ON a.run = b.run");
        assert!(twice.contains("TABLE run_work AS"), "{twice}");
    }

    #[test]
    fn every_query_is_one_statement_whose_rows_are_marked() {
        let session = session(Engine::DuckDb, "fleet", &Parameters::default());
        let queries: Vec<(&str, &str)> = CHECKS.iter().map(|one| (one.name, one.sql)).collect();
        let statements = session.statements(&queries, true);
        let count =
            |wanted: fn(&Statement) -> bool| statements.iter().filter(|s| wanted(s)).count();
        assert_eq!(
            count(|s| matches!(s, Statement::Query(_))),
            CHECKS.len() + 1
        );
        assert_eq!(count(|s| matches!(s, Statement::Mark(_))), CHECKS.len() + 2);
        for statement in &statements {
            let (Statement::Definition(text) | Statement::Mark(text) | Statement::Query(text)) =
                statement;
            assert!(!text.contains(';'), "{text}");
        }
    }
}
