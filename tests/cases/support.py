"""Runs the `energy` command on a case and reads its recording with its own SQL."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

CASES = Path(os.environ["ENERGY_CASES"]).resolve() if "ENERGY_CASES" in os.environ else None
REPOSITORY = Path(__file__).resolve().parents[2]
ENERGY = Path(os.environ.get("ENERGY", REPOSITORY / "target/release/energy")).resolve()
WORK = Path(tempfile.mkdtemp(prefix="energy-cases-"))


class Skip(Exception):
    """The machine lacks a prerequisite of the case."""


@dataclass
class Finding:
    """Result of a case, and whether it is right or at least reported."""

    found: str
    is_right: bool
    is_reported: bool = False

    @property
    def verdict(self):
        if self.is_right:
            return "right"
        return "reported" if self.is_reported else "WRONG"


class Recording:
    """A recording file, read without the library under test."""

    def __init__(self, path):
        self.path = Path(path)

    def rows(self, sql, *values):
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def events(self):
        return [f"{kind}: {message}" for kind, message in self.rows("SELECT kind, message FROM events")]

    def rails(self):
        """Energy by rail within the run, null samples left out, and each rail's parent."""
        sql = """
            SELECT r.name, p.name, sum(CASE WHEN s.start_ns >= 0 THEN s.energy_j END),
                   sum(s.energy_j IS NULL), count(s.start_ns),
                   sum(CASE WHEN s.start_ns >= 0 AND s.energy_j IS NOT NULL
                            THEN s.end_ns - s.start_ns END) / 1e9
            FROM rails r
            LEFT JOIN rails p ON p.run = r.run AND p.id = r.parent
            LEFT JOIN samples s ON s.run = r.run AND s.rail = r.id
            GROUP BY r.run, r.id"""
        keys = ("parent", "energy_j", "unknown", "samples", "seconds")
        return {row[0]: dict(zip(keys, row[1:])) for row in self.rows(sql)}

    def root_power_w(self):
        """Sum over root rails of mean sampled power."""
        rails = [rail for rail in self.rails().values() if rail["parent"] is None]
        return sum(rail["energy_j"] / rail["seconds"] for rail in rails if rail["seconds"])


def energy(*arguments, env=None, cwd=None, timeout=120):
    """Runs `energy` and returns the finished process."""
    command = [str(ENERGY), *map(str, arguments)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(WORK / "cache"), **(env or {})}
    return subprocess.run(
        command, capture_output=True, text=True, errors="replace",
        env=environment, cwd=cwd or WORK, timeout=timeout,
    )


def words(process):
    """Everything that a command printed."""
    return process.stdout + process.stderr


def fresh(name):
    """A database path that does not exist yet."""
    path = WORK / f"{name}.db"
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return path


def imported(name, kind, *arguments):
    """Imports files as one run; returns the process and the recording."""
    database = fresh(name)
    process = energy("--db", database, "import", kind, *arguments)
    return process, Recording(database)


def summary(recording, *arguments):
    """The JSON summary of the latest run."""
    process = energy("--db", recording.path, "summary", *arguments, "--format", "json")
    if process.returncode != 0:
        raise AssertionError(f"summary failed: {words(process)}")
    return json.loads(process.stdout)


def total_j(recording):
    """The run's total in joules as the summary prints it, or None."""
    return summary(recording)["totals"]["energy_j"]


def spans(recording, command="hot"):
    """Energy by call path as `energy hot` prints it."""
    process = energy("--db", recording.path, command, "--format", "json")
    if process.returncode != 0:
        raise AssertionError(words(process))
    return {node["node"]: node["energy_j"] for node in json.loads(process.stdout)["nodes"]}


def near(value, right, relative=0.01):
    return value is not None and abs(value - right) <= relative * abs(right)


def joules(value):
    return "unknown" if value is None else f"{value:.4g} J"


def need_root(*tools):
    if os.geteuid() != 0:
        raise Skip("needs root for a mount namespace")
    need(*tools)


def need(*tools):
    for tool in tools:
        if shutil.which(tool) is None:
            raise Skip(f"needs {tool}")


def built(name, source):
    """Builds a one-file program of the cases against this repository; returns its path."""
    # In the repository and with its target folder: most of it was compiled for the tests.
    folder = REPOSITORY / "target/cases" / name
    (folder / "src").mkdir(parents=True, exist_ok=True)
    # The programs use earlier names of a method and a path.
    text = Path(source).read_text().replace("exact_database", "database_ignoring_env")
    text = text.replace("power::SourceChoice", "SourceChoice")
    (folder / "src/main.rs").write_text(text)
    (folder / "Cargo.toml").write_text(f"""
[package]
name = "{name}"
version = "0.0.0"
edition = "2024"
[dependencies]
tracing-energy = {{ path = "{REPOSITORY / 'tracing-energy'}" }}
tracing = "0.1"
tracing-subscriber = {{ version = "0.3", features = ["env-filter"] }}
tokio = {{ version = "1", features = ["rt-multi-thread", "macros", "time"] }}
libc = "0.2"
[profile.release]
debug = "line-tables-only"
split-debuginfo = "unpacked"
[profile.release.package."*"]
debug = false
[workspace]
""")
    shutil.copy(REPOSITORY / "Cargo.lock", folder / "Cargo.lock")
    target = REPOSITORY / "target"
    process = subprocess.run(
        ["cargo", "build", "--release", "-q", "--target-dir", str(target)],
        cwd=folder, capture_output=True, text=True,
    )
    if process.returncode != 0:
        raise AssertionError(f"{name} does not build: {process.stderr[-2000:]}")
    return target / "release" / name


def shared_object(name, source, *flags):
    """Compiles a shared library of the cases; returns its folder."""
    need("gcc")
    folder = WORK / "lib"
    folder.mkdir(exist_ok=True)
    command = ["gcc", "-shared", "-fPIC", "-O1", "-w", "-o", str(folder / name), str(source), *flags]
    subprocess.run(command, check=True)
    return folder


def fake_system():
    """The module that makes a fake `/sys/class`; it needs root and `unshare`."""
    need_root("unshare", "mount")
    os.environ["WORKDIR"], os.environ["ENERGY"] = str(WORK), str(ENERGY)
    tools = str(CASES / "_tools")
    if tools not in sys.path:
        sys.path.insert(0, tools)
    import fakesys

    return fakesys


def recorded_on(system, name, program="sleep 1.5", env=None, arguments=()):
    """Records a program on a fake system; returns the process and the recording."""
    database = fresh(name)
    options = " ".join(arguments)
    command = f"{ENERGY} --db {database} record --baseline 500ms --source auto {options} -- {program}"
    return system.run(command, env), Recording(database)
