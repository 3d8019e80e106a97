#!/usr/bin/env python3
"""Checks that `energy fleet check` finds each fault of a fleet, and names the object.

    tests/fleet/faults.py TOOLS ENGINE [NAME...]

Each case copies a simulated fleet without faults, damages it, and compares exit code, checks with
faults and objects with what they must be. Exit code 1: a fault was not found.
"""

import json
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engines import command
from fleet import Fleet
from packs import put


def objects(root, table, pattern="*"):
    return sorted(Path(root, "v1", table).glob(f"date=*/{pattern}.parquet"))


def path(file, table=None):
    """Path below the root, of the object itself or of the one of another table of its pack."""
    parts = file.parts[-4:]
    return "/".join([parts[0], table or parts[1], *parts[2:]])


def rewrite(file, column, change):
    """Replaces a column of an object."""
    table = pq.read_table(file, partitioning=None)
    changed = pa.array(change(table.column(column).to_pylist()), table.schema.field(column).type)
    put(file, table.set_column(table.schema.get_field_index(column), column, changed))


def first_plus_one(values):
    return [next(v for v in values if v is not None) + 1, *values[1:]]


def whole(_root):
    return 0, {}


def table_deleted(root):
    file = objects(root, "rails")[3]
    file.unlink()
    return 3, {"tables": path(file)}


def operations_deleted(root):
    file = objects(root, "kinds")[3]
    file.unlink()
    return 3, {"tables": path(file), "kinds": path(file)}


def manifest_deleted(root):
    """Of a bucket in the middle of a run."""
    file = objects(root, "packs", "*.1.a1")[0]
    file.unlink()
    return 3, {"sequence": file.name, "manifests": path(file)}


def last_manifest_deleted(root):
    file = next(f for f in objects(root, "packs", "*.0.a1")
                if not f.with_name(f.name.replace(".0.a1", ".0.a2")).exists())
    file.unlink()
    return 3, {"manifests": path(file)}


def account_changed(root):
    file = objects(root, "accounts")[0]
    rewrite(file, "idle_nj", first_plus_one)
    return 3, {"balance": path(file)}


def operation_changed(root):
    file = objects(root, "kinds")[0]
    rewrite(file, "self_nj", first_plus_one)
    return 3, {"kinds": path(file), "tables": path(file)}


def path_changed(root):
    file = objects(root, "nodes")[0]
    rewrite(file, "self_nj", first_plus_one)
    return 3, {"nodes": path(file), "tables": path(file)}


def request_changed(root):
    file = objects(root, "requests")[0]
    rewrite(file, "energy_nj", first_plus_one)
    return 3, {"tables": path(file)}


def rows_twice(root):
    file = objects(root, "phases")[0]
    table = pq.read_table(file, partitioning=None)
    put(file, pa.concat_tables([table, table]))
    return 3, {"tables": path(file)}


def copied_machine_id(root):
    """Two machines that run at the same time, with one id."""
    files = objects(root, "packs")
    first = pq.read_table(files[0], partitioning=None).column("host_id")[0].as_py()
    other = next(f for f in files if not f.name.startswith(first) and f.parent == files[0].parent)
    for table in ("packs", "accounts", "kinds", "rails", "runs", "phases", "nodes"):
        file = other.parents[2] / table / other.parent.name / other.name
        if file.exists():
            rewrite(file, "host_id", lambda values: [first] * len(values))
            rewrite(file, "host", lambda values: ["copied"] * len(values))
            file.rename(file.with_name(file.name.replace(file.name.split(".")[0], first, 1)))
    return 3, {"hosts": f"v1/packs/date=*/{first}.*"}


def two_versions(root):
    file = objects(root, "packs")[0]
    table = pq.read_table(file, partitioning=None)
    number = table.schema.get_field_index("sum_nj")
    other = table.set_column(number, "sum_nj", pc.add(table.column("sum_nj"), 1))
    put(file.with_name("compacted.00000001.parquet"), other)
    return 3, {"duplicates": file.parent.name}


def newer_schema(root):
    rewrite(objects(root, "packs")[-1], "schema_version", lambda values: [2] * len(values))
    return 2, "update"


def truncated(root):
    file = objects(root, "accounts")[0]
    file.write_bytes(file.read_bytes()[:-100])
    return 1, file.name


def no_packs(root):
    shutil.rmtree(Path(root, "v1", "packs"))
    return 2, "energy fleet push"


CASES = [
    whole, table_deleted, operations_deleted, manifest_deleted, last_manifest_deleted,
    account_changed, operation_changed, path_changed, request_changed, rows_twice, copied_machine_id, two_versions,
    newer_schema, truncated, no_packs,
]


def problem(done, code, expected):
    """Returns what is wrong with a check, or None."""
    if done.returncode != code:
        return f"exit code {done.returncode}, not {code}: {done.stderr.strip()[-300:]}"
    if isinstance(expected, str):
        return None if expected in done.stderr else f"no `{expected}` in {done.stderr.strip()}"
    faults = json.loads(done.stdout)["faults"]
    for check, wanted in expected.items():
        if not any(f["check"] == check and wanted in f["object"] for f in faults):
            return f"{check} does not name {wanted}: {faults[:2]}"
    return None


def examine(tools, engine, sound, case):
    """Damages a copy of a fleet, and returns what is wrong with its check, or None."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "damaged it's")
        shutil.copytree(sound, root)
        code, expected = case(root)
        return problem(command(tools, ["check", str(root), "--json"], engine), code, expected)


def main(tools, engine, *wanted):
    cases = [case for case in CASES if not wanted or case.__name__ in wanted]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        # Quotes, spaces and a semicolon: the place may have any name.
        sound = Path(folder, "it's; a \"fleet\"")
        Fleet(sound, hosts=8, runs=5, seed=3).write()
        found = list(pool.map(partial(examine, tools, engine, sound), cases))
    for case, wrong in zip(cases, found):
        print(f"{case.__name__:<24} {wrong or 'right'}", flush=True)
    print(f"{sum(wrong is not None for wrong in found)} wrong")
    return 1 if any(found) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
