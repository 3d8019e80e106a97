//! Programs that execute scripts: found in `PATH`, or named by the user.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use energy_query::{Error, Result};
use serde_json::json;

use super::engine::Engine;
use super::script::Statement;

/// Number of lines of a failed program that are reported.
const REPORTED_LINES: usize = 6;

/// A program that executes scripts of one engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineProgram {
    engine: Engine,
    words: Vec<String>,
    /// Python with the engine's package instead of a command of the engine.
    is_python: bool,
}

impl EngineProgram {
    /// Finds the program of an engine: `named`, a variable of the environment, a command in
    /// `PATH`, or the engine's package of `python3`.
    ///
    /// # Errors
    /// If there is none.
    pub fn find(engine: Engine, named: Option<&str>) -> Result<Self> {
        let variable = std::env::var(variable(engine)).ok();
        let named = named.map(str::to_owned).or(variable);
        if let Some(words) = named.filter(|words| !words.trim().is_empty()) {
            return Ok(Self::of_words(engine, &words));
        }
        let found = commands(engine).iter().find(|command| in_path(command));
        match found {
            Some(command) => Ok(Self::of_words(engine, command)),
            None if has_package(engine) => Ok(Self::of_words(engine, "python3")),
            None => Err(not_found(engine)),
        }
    }

    fn of_words(engine: Engine, words: &str) -> Self {
        // A path with spaces is one word.
        let words: Vec<String> = match Path::new(words).is_file() {
            true => vec![words.to_owned()],
            false => words.split_whitespace().map(str::to_owned).collect(),
        };
        let file_name = words.first().map(PathBuf::from);
        let file_name = file_name.as_deref().and_then(Path::file_name);
        let is_python = file_name.is_some_and(|name| name.to_string_lossy().starts_with("python"));
        Self {
            engine,
            words,
            is_python,
        }
    }

    /// Executes statements and passes each line that is printed to `line`.
    ///
    /// # Errors
    /// If the program cannot be executed or fails.
    pub(super) fn execute(
        &self,
        statements: &[Statement],
        line: &mut dyn FnMut(&str),
    ) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let mut child = self.start(folder.path(), statements)?;
        let errors = child.stderr.take().map(read_all);
        if let Some(output) = child.stdout.take() {
            for text in BufReader::new(output).split(b'\n') {
                line(&String::from_utf8_lossy(&text?));
            }
        }
        let status = child.wait()?;
        let errors = errors.and_then(|thread| thread.join().ok());
        match status.success() {
            true => Ok(()),
            false => Err(Error::Program {
                program: self.words.join(" "),
                what: cause(&errors.unwrap_or_default()),
            }),
        }
    }

    fn start(&self, folder: &Path, statements: &[Statement]) -> Result<Child> {
        let script = folder.join("script");
        std::fs::write(&script, self.script(statements))?;
        let Some((program, words)) = self.words.split_first() else {
            return Err(not_found(self.engine));
        };
        let mut command = Command::new(program);
        // Shells of engines leave files in the folder that they are started in.
        command
            .args(words)
            .args(self.arguments(folder))
            .current_dir(folder);
        let stdin = match self.reads_stdin() {
            true => Stdio::from(std::fs::File::open(&script)?),
            false => Stdio::null(),
        };
        command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().map_err(|error| Error::NotExecuted {
            program: program.clone(),
            what: format!("{error}; name another program with --program"),
            code: if error.kind() == std::io::ErrorKind::NotFound {
                127
            } else {
                126
            },
        })
    }

    fn reads_stdin(&self) -> bool {
        self.engine == Engine::DuckDb && !self.is_python
    }

    fn script(&self, statements: &[Statement]) -> String {
        let parts = statements.iter().map(|statement| match statement {
            Statement::Definition(sql) => (sql, false),
            Statement::Mark(sql) | Statement::Query(sql) => (sql, true),
        });
        if self.is_python && self.engine != Engine::Spark {
            let all: Vec<_> = parts
                .map(|(sql, has_rows)| json!({ "sql": sql, "has_rows": has_rows }))
                .collect();
            return serde_json::Value::Array(all).to_string();
        }
        parts.map(|(sql, _)| format!("{sql};\n")).collect()
    }

    fn arguments(&self, folder: &Path) -> Vec<String> {
        let script = folder.join("script").to_string_lossy().into_owned();
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        match (self.engine, self.is_python) {
            (Engine::DuckDb, true) => words(&["-c", include_str!("programs/duckdb.py"), &script]),
            (Engine::ClickHouse, true) => words(&["-c", include_str!("programs/chdb.py"), &script]),
            (Engine::DuckDb, false) => {
                words(&["-batch", "-bail", "-jsonlines", "-init", "/dev/null"])
            }
            (Engine::ClickHouse, false) => words(&["--queries-file", &script]),
            (Engine::Spark, _) => {
                let warehouse = folder.join("warehouse").to_string_lossy().into_owned();
                let mut all = Vec::new();
                for (key, value) in [
                    // Tables exist in this session only.
                    ("spark.sql.catalogImplementation", "in-memory"),
                    ("spark.sql.warehouse.dir", warehouse.as_str()),
                    ("spark.ui.enabled", "false"),
                ] {
                    all.extend(["--conf".to_owned(), format!("{key}={value}")]);
                }
                all.extend(words(&["-S", "-f", &script]));
                all
            }
        }
    }
}

fn variable(engine: Engine) -> &'static str {
    match engine {
        Engine::Spark => "ENERGY_SPARK_SQL",
        Engine::DuckDb => "ENERGY_DUCKDB",
        Engine::ClickHouse => "ENERGY_CLICKHOUSE",
    }
}

fn commands(engine: Engine) -> &'static [&'static str] {
    match engine {
        Engine::Spark => &["spark-sql"],
        Engine::DuckDb => &["duckdb"],
        Engine::ClickHouse => &["clickhouse local", "clickhouse-local"],
    }
}

fn package(engine: Engine) -> Option<&'static str> {
    match engine {
        Engine::Spark => None,
        Engine::DuckDb => Some("duckdb"),
        Engine::ClickHouse => Some("chdb"),
    }
}

/// Returns whether the first word of a command is in `PATH`.
fn in_path(command: &str) -> bool {
    let name = command.split_whitespace().next().unwrap_or_default();
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(name).is_file())
}

/// Returns whether `python3` has the package of an engine.
fn has_package(engine: Engine) -> bool {
    let Some(package) = package(engine) else {
        return false;
    };
    let mut command = Command::new("python3");
    command.args(["-c", &format!("import {package}")]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn not_found(engine: Engine) -> Error {
    let or_package = package(engine)
        .map(|package| format!(", nor has python3 the package {package}"))
        .unwrap_or_default();
    Error::NotExecuted {
        program: engine.name().to_owned(),
        what: format!(
            "not in PATH{or_package}; install it, or name the program with --program or {}",
            variable(engine)
        ),
        code: 127,
    }
}

fn read_all(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    })
}

/// Returns the lines of an error output that name the cause: no warnings and no stack.
fn cause(errors: &str) -> String {
    let is_noise = |line: &&str| {
        let line = line.trim();
        line.is_empty()
            || line.starts_with("at ")
            || line.contains(" WARN ")
            || line.contains(" INFO ")
            || line.starts_with("File \"")
            || line.starts_with("Time taken")
            || line.contains("log4j")
    };
    let lines: Vec<&str> = errors.lines().filter(|line| !is_noise(line)).collect();
    // Spark's first line has the class of the error, Python's last one its message.
    let at = lines
        .iter()
        .position(|line| line.starts_with('[') || line.contains("Error"));
    let from = at.unwrap_or(lines.len().saturating_sub(REPORTED_LINES));
    let text: Vec<&str> = lines.into_iter().skip(from).take(REPORTED_LINES).collect();
    match text.is_empty() {
        true => "failed without a message".to_owned(),
        false => text.join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_unless_they_name_a_file() {
        let spark = EngineProgram::of_words(Engine::Spark, "spark-sql --master spark://a:7077");
        assert_eq!(spark.words.len(), 3);
        assert!(!spark.is_python);
        let python = EngineProgram::of_words(Engine::DuckDb, "/opt/venv/bin/python3.11");
        assert!(python.is_python);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my duckdb");
        std::fs::write(&path, "").unwrap();
        let duckdb = EngineProgram::of_words(Engine::DuckDb, path.to_str().unwrap());
        assert_eq!(duckdb.words.len(), 1);
    }

    #[test]
    fn a_missing_program_has_the_code_of_a_shell() {
        let program = EngineProgram::of_words(Engine::DuckDb, "/absent/duckdb");
        let error = program.execute(&[], &mut |_| ()).unwrap_err();
        assert_eq!(error.exit_code(), 127);
        assert!(error.to_string().contains("--program"), "{error}");
    }

    #[test]
    fn the_cause_has_no_stack_and_no_warnings() {
        let errors =
            "26/11/30 WARN Utils: slow\n[PATH_NOT_FOUND] no such path\n\tat org.apache.x\n";
        assert_eq!(cause(errors), "[PATH_NOT_FOUND] no such path");
        assert_eq!(cause(""), "failed without a message");
    }
}
