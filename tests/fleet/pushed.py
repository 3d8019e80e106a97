#!/usr/bin/env python3
"""Sends recordings by `energy fleet push`, compacts a part of them, and compares what engines read.

    tests/fleet/pushed.py TOOLS FOLDER ENGINE...

FOLDER receives the recordings of made-up hosts and their packs. All checks must pass on each engine,
columns of objects must be those of the simulation, and energies per token those of `energy runs`.
Exit code 1: a difference.
"""

import json
import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

import pyarrow.parquet as pq

import compare
from columns import TABLES
from engines import ENERGY, Reply, command

LARGE_RUN = os.environ.get("LARGE_RUN", ENERGY.with_name("large-run"))
# Five of each version: fewer have no outliers.
HOSTS = 10


def execute(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{words}: {done.stderr.strip()}")
    return done.stdout


def record(folder, number):
    """Records two runs of a made-up host."""
    version, factor = ("2.3.0", 1) if number % 2 else ("2.4.0", 1.2)
    db = folder / f"host-{number}.db"
    execute(LARGE_RUN, "--spans", "1k", "--runs", 2, "--seed", 100 * number, "--factor", factor,
            "--host", f"host-{number}", "--tag", "service=search", "--tag", f"version={version}",
            "--db", db)
    return db


def push(folder):
    """Sends all recordings; the first half is compacted before the others arrive."""
    root = folder / "packs"
    send = [ENERGY, "fleet", "push", root, "--nodes", "--requests", "--spans", "--db"]
    with ThreadPoolExecutor(2) as pool:
        dbs = list(pool.map(partial(record, folder), range(HOSTS)))
        for some in (dbs[: HOSTS // 2], dbs[HOSTS // 2 :]):
            list(pool.map(lambda db: execute(*send, db), some))
            if some[0] == dbs[0]:
                # The second call removes what the first one has merged.
                execute(ENERGY, "fleet", "compact", root, "--keep", "0m")
                execute(ENERGY, "fleet", "compact", root, "--keep", "0m")
    return root, dbs


def other_columns(root):
    """Yields tables whose objects have other columns than those of the simulation."""
    for table in TABLES:
        files = sorted(Path(root, "v1", table).glob("date=*/*.parquet"))
        found = [{field.name: field.type for field in pq.read_schema(file)} for file in files]
        if not files or any(one != dict(TABLES[table]) for one in found):
            yield f"{table}: {list(found[0]) if found else 'no objects'}"


def faults(tools, root, engine):
    done = command(tools, ["check", str(root), "--json"], engine)
    if done.returncode in (0, 3):
        found = json.loads(done.stdout)["faults"]
        return f"{engine} check: {len(found)} faults, {found[0]}" if found else None
    return f"{engine} check: {done.stderr}"


def other_tokens(tools, root, dbs, engine):
    """The difference between `tokens` and the runs of the recordings, or None."""
    runs = [run for db in dbs for run in json.loads(execute(ENERGY, "runs", "--db", db, "--json"))["runs"]]
    (row,) = Reply(tools, root, engine, "tokens").rows
    energy = sum(run["energy_j"] for run in runs)
    expected = {
        "runs": len(runs), "energy_j": energy,
        "j_per_token": energy / sum(run["input_tokens"] + run["output_tokens"] for run in runs),
        "median_j_per_token": median(run["j_per_token"] for run in runs),
    }
    # Rows are whole nanojoules.
    same = all(math.isclose(row[name], value, rel_tol=1e-7) for name, value in expected.items())
    return None if same else f"{engine} tokens: {row}, not {expected}"


def main(tools, folder, *engines):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    root, dbs = push(folder)
    problems = list(other_columns(root))
    with ThreadPoolExecutor(2) as pool:
        problems += pool.map(partial(faults, tools, root), engines)
        problems += pool.map(partial(other_tokens, tools, root, dbs), engines)
    problems = [problem for problem in problems if problem]
    print("\n".join(problems) or f"packs of {HOSTS} recordings pass all checks, tokens are those of `energy runs`")
    words = [*engines, "--together", "--only=services,operations,outliers"]
    return 1 if problems or compare.main(tools, root, *words) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
