#!/usr/bin/env python3
"""Reads the energy of runs while their attribution is replaced: old or new, never both.

    tests/fleet/reattribution.py TOOLS ENGINE [ROUNDS]

One process writes a second attribution of each run, object by object, as `energy fleet push` does.
At the same time the engine answers `balance` repeatedly. Each answer must be a sum over runs of
the old or the new energy, and later answers never go back. Exit code 1: another sum.
"""

import sys
import tempfile
import threading
import time
from pathlib import Path

from engines import Reply
from packs import Pack

# Old and new energy of run N: sums of distinct powers show which of both each run has.
RUNS, NEW = 12, 10**9
BUCKETS = 3
# Seconds between two packs: long enough for some answers in between.
PAUSES = {"duckdb": 0.03, "clickhouse": 0.15, "spark-sql": 3}


def pack(run, attribution, bucket):
    keys = {"host_id": "h", "host": "node", "service": None, "run": f"run-{run:02}",
            "attribution": attribution, "bucket": bucket}
    manifest = {"start_unix_ns": bucket, "end_unix_ns": bucket + 1, "schema_version": 1,
                "final": bucket + 1 == BUCKETS, "writer": "0", "method": "m", "provenance": "measured"}
    made = Pack(keys, f"2026-11-0{bucket + 1}", manifest)
    energy = 2**run * (1 if attribution == 1 else NEW)
    made.add("rails", rail="r/a", root=True)
    made.add("accounts", rail="r/a", root=True, duration_ns=1, covered_ns=1, measured_nj=energy,
             spans_nj=energy)
    made.add("kinds", rail="r/a", root=True, kind="k", self_nj=energy, activations=1)
    made.add("runs", duration_ns=1, chip="c")
    return made


def replace(root, pause, done):
    """Writes the second attribution of all runs."""
    for run in range(RUNS):
        for bucket in range(BUCKETS):
            pack(run, 2, bucket).write(root)
            time.sleep(pause)
    done.set()


def runs_replaced(measured_nj):
    """The runs with the new energy; raises if a run has both, none, or buckets of both."""
    old, new = measured_nj % NEW, measured_nj // NEW
    if old % BUCKETS or new % BUCKETS:
        raise ValueError(f"{measured_nj} nJ has buckets of both attributions")
    old, new = old // BUCKETS, new // BUCKETS
    if old & new or old | new != 2**RUNS - 1:
        raise ValueError(f"{measured_nj} nJ counts runs twice or not at all")
    return new


def observe(tools, engine, pause):
    """Returns how many runs each answer had replaced."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for run in range(RUNS):
            for bucket in range(BUCKETS):
                pack(run, 1, bucket).write(root)
        done, seen = threading.Event(), []
        writer = threading.Thread(target=replace, args=(root, pause, done))
        writer.start()
        while not seen or not seen_all(done, seen):
            rows = Reply(tools, root, engine, "balance").rows
            kinds = Reply(tools, root, engine, "operations").rows
            seen += [runs_replaced(int(rows[0]["measured_nj"])), runs_replaced(int(kinds[0]["self_nj"]))]
        writer.join()
    if any(earlier & ~later for earlier, later in zip(seen, seen[1:])):
        raise ValueError(f"an answer went back: {seen}")
    return [bin(new).count("1") for new in seen]


def seen_all(done, seen):
    return done.is_set() and seen[-1] == 2**RUNS - 1


def main(tools, engine, rounds="3"):
    between = 0
    for number in range(int(rounds)):
        counts = observe(tools, engine, pause=PAUSES[engine])
        between += sum(0 < count < RUNS for count in counts)
        print(f"round {number}: runs replaced in each answer: {counts}", flush=True)
    print(f"{between} answers while runs were being replaced")
    return 0 if between else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
