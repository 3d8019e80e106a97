//! Differences between engines: names of types, quoting, statements around a query.

use super::columns::is_summed;
use crate::columns::{FleetTable, FleetType};

/// A program that executes SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Engine {
    /// Spark SQL 4
    #[value(name = "spark-sql", alias = "spark")]
    Spark,
    /// DuckDB
    #[value(name = "duckdb")]
    DuckDb,
    /// ClickHouse, without a server
    #[value(name = "clickhouse", alias = "chdb")]
    ClickHouse,
}

impl Engine {
    /// All engines.
    pub const ALL: [Self; 3] = [Self::Spark, Self::DuckDb, Self::ClickHouse];

    /// Returns its name on the command line, which is that of its program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spark => "spark-sql",
            Self::DuckDb => "duckdb",
            Self::ClickHouse => "clickhouse",
        }
    }

    /// Returns the template of its tables and functions.
    pub(super) fn template(self) -> &'static str {
        match self {
            Self::Spark => include_str!("sql/engines/spark.sql"),
            Self::DuckDb => include_str!("sql/engines/duckdb.sql"),
            Self::ClickHouse => include_str!("sql/engines/clickhouse.sql"),
        }
    }

    /// Returns a text as a literal.
    pub(super) fn literal(self, text: &str) -> String {
        let doubled = text.replace('\'', "''");
        match self {
            Self::DuckDb => format!("'{doubled}'"),
            Self::Spark | Self::ClickHouse => {
                format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
            }
        }
    }

    /// Returns a text or NULL, as a nullable text.
    pub(super) fn optional(self, text: Option<&str>) -> String {
        match text {
            Some(text) => self.literal(text),
            None => "nullif('', '')".to_owned(),
        }
    }

    /// Returns the statement that defines a view.
    pub(super) fn view(self, name: &str, query: &str) -> String {
        match self {
            Self::Spark | Self::DuckDb => {
                format!("CREATE OR REPLACE TEMPORARY VIEW {name} AS\n{query}")
            }
            Self::ClickHouse => format!("CREATE OR REPLACE VIEW {name} AS\n{query}"),
        }
    }

    /// Returns the statement that computes a view once, so that all its readers see one state.
    pub(super) fn snapshot(self, name: &str, query: &str) -> String {
        match self {
            Self::Spark => format!("CACHE TABLE {name} AS\n{query}"),
            Self::DuckDb => format!("CREATE OR REPLACE TEMPORARY TABLE {name} AS\n{query}"),
            Self::ClickHouse => {
                format!("CREATE OR REPLACE TABLE {name} ENGINE = Memory AS\n{query}")
            }
        }
    }

    /// Returns a query whose rows are printed as JSON objects, one a line.
    pub(super) fn as_json_lines(self, query: &str) -> String {
        match self {
            Self::Spark => format!(
                "SELECT to_json(struct(*), map('ignoreNullFields', 'false'))\nFROM (\n{query}\n) \
                 AS answer"
            ),
            Self::DuckDb => query.to_owned(),
            Self::ClickHouse => format!("{query}\nFORMAT JSONEachRow"),
        }
    }

    /// Returns a query for the current time in us since 1970.
    pub(super) fn now_us(self) -> &'static str {
        match self {
            Self::Spark => "unix_micros(current_timestamp())",
            Self::DuckDb => "epoch_us(get_current_timestamp())",
            Self::ClickHouse => "toUnixTimestamp64Micro(now64(6))",
        }
    }

    /// Returns the value of a column in a view: energies and durations in a type whose sums
    /// do not overflow.
    pub(super) fn value(self, name: &str) -> String {
        match self {
            _ if name == "host_id" => "coalesce(host_id, 'unknown') AS host_id".to_owned(),
            _ if !is_summed(name) => name.to_owned(),
            Self::ClickHouse => format!("toInt128({name}) AS {name}"),
            _ => format!("CAST({name} AS DECIMAL(38,0)) AS {name}"),
        }
    }

    fn type_name(self, kind: FleetType) -> &'static str {
        match (self, kind) {
            (Self::Spark, FleetType::Text) => "STRING",
            (Self::DuckDb, FleetType::Text) => "VARCHAR",
            (Self::Spark | Self::DuckDb, FleetType::Whole) => "BIGINT",
            (Self::Spark | Self::DuckDb, FleetType::Real) => "DOUBLE",
            (Self::Spark | Self::DuckDb, FleetType::Flag) => "BOOLEAN",
            (Self::ClickHouse, FleetType::Text) => "Nullable(String)",
            (Self::ClickHouse, FleetType::Whole) => "Nullable(Int64)",
            (Self::ClickHouse, FleetType::Real) => "Nullable(Float64)",
            (Self::ClickHouse, FleetType::Flag) => "Nullable(Bool)",
        }
    }

    /// Returns the columns of the objects of a table: `name TYPE, name TYPE`.
    pub(super) fn structure(self, table: &FleetTable) -> String {
        let columns = table.columns();
        let columns: Vec<String> = columns
            .map(|(name, kind)| format!("{name} {}", self.type_name(kind)))
            .collect();
        columns.join(", ")
    }

    /// Returns DuckDB's query of the objects of a table, a pattern. Columns that older objects lack are
    /// NULL.
    pub(super) fn duckdb_read(self, table: &FleetTable, objects: &str) -> String {
        let column = |(name, kind)| {
            let kind = self.type_name(kind);
            format!("'{name}': {{name: '{name}', type: '{kind}', default_value: NULL}}")
        };
        let columns: Vec<String> = table.columns().map(column).collect();
        format!(
            "SELECT *, parse_filename(filename) AS file, \
             regexp_extract(filename, 'date=([0-9-]+)/[^/]*$', 1) AS date \
             FROM read_parquet({}, schema = MAP {{{}}}, hive_partitioning = false, \
             filename = true)",
            self.literal(objects),
            columns.join(", ")
        )
    }

    /// Returns DuckDB's query of a table without objects.
    pub(super) fn duckdb_empty(self, table: &FleetTable) -> String {
        let own = table.columns();
        let own = own.map(|(name, kind)| format!("NULL::{} AS {name}", self.type_name(kind)));
        let added = ["date", "file"].map(|name| format!("NULL::VARCHAR AS {name}"));
        let columns: Vec<String> = own.chain(added).collect();
        format!("SELECT {} WHERE false", columns.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_do_not_end_a_literal() {
        let text = "it's \\'; DROP TABLE packs; --";
        assert_eq!(
            Engine::DuckDb.literal(text),
            "'it''s \\''; DROP TABLE packs; --'"
        );
        for engine in [Engine::Spark, Engine::ClickHouse] {
            assert_eq!(
                engine.literal(text),
                "'it\\'s \\\\\\'; DROP TABLE packs; --'"
            );
        }
    }
}
