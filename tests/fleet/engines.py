"""Executes `energy fleet` on the engines of a folder made by `tests/fleet/install`."""

import json
import os
import re
import subprocess
import time
from pathlib import Path

ENERGY = Path(os.environ.get("ENERGY", Path(__file__).parents[2] / "target/release/energy")).resolve()


def programs(tools):
    """The command of each engine; ENERGY_SPARK_SQL names a cluster."""
    bin_ = Path(tools).resolve() / "bin"
    return {
        "duckdb": str(bin_ / "python"),
        "clickhouse": str(bin_ / "python"),
        "spark-sql": os.environ.get("ENERGY_SPARK_SQL", str(bin_ / "spark-sql")),
    }


def command(tools, words, engine):
    """Executes `energy fleet WORDS`, and returns what it printed."""
    program = programs(tools)[engine]
    environment = dict(os.environ, PATH=f"{Path(tools).resolve() / 'bin'}:{os.environ['PATH']}")
    words = [ENERGY, "fleet", *words, "--with", engine, "--program", program]
    return subprocess.run(words, capture_output=True, text=True, env=environment, check=False)


class Reply:
    """Rows of a question, with the times that the command reports."""

    def __init__(self, tools, root, engine, name, options=()):
        began = time.monotonic()
        done = command(tools, ["ask", name, str(root), *options, "--json", "--timing"], engine)
        self.seconds = time.monotonic() - began
        if done.returncode:
            raise RuntimeError(f"{engine} {name}: {done.stderr.strip()}")
        self.text = done.stdout
        self.rows = json.loads(done.stdout)["rows"]
        times = re.findall(r"([0-9.]+) s  ", done.stderr)
        self.preparation, self.question = float(times[0]), float(times[1])
