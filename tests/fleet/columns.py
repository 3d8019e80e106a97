"""Columns of packs, version 1: names and types of each table, in the order of the files."""

import pyarrow as pa

TEXT, WHOLE, REAL, FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()

KEYS = [
    ("host_id", TEXT), ("host", TEXT), ("service", TEXT), ("run", TEXT),
    ("attribution", WHOLE), ("bucket", WHOLE),
]


def _columns(texts="", wholes="", flags="", reals=""):
    typed = [(texts, TEXT), (wholes, WHOLE), (flags, FLAG), (reals, REAL)]
    return KEYS + [(name, type_) for names, type_ in typed for name in names.split()]


TABLES = {
    "packs": _columns(
        "writer method provenance table_name object sha256",
        "start_unix_ns end_unix_ns schema_version rows sum_nj",
        "final",
    ),
    "runs": _columns(
        "name status model precision engine chip os version program_version tags",
        "batch start_unix_ns bucket_start_unix_ns bucket_end_unix_ns duration_ns input_tokens "
        "output_tokens requests measured_nj active_nj",
    ),
    "rails": _columns("rail source name kind parent provenance", "interval_ns", "root", "idle_w"),
    "accounts": _columns(
        "rail",
        "duration_ns covered_ns measured_nj idle_nj spans_nj unattributed_nj "
        "other_processes_nj profiler_nj residual_nj unknown_nj extrapolated_nj",
        "root",
    ),
    "kinds": _columns(
        "rail kind role basis",
        "self_nj idle_nj lo_nj hi_nj self_ns covered_ns activations instances",
        "root",
    ),
    "phases": _columns(
        "rail phase",
        "node duration_ns covered_ns measured_nj extrapolated_nj idle_nj spans_nj",
        "root",
    ),
    "nodes": _columns(
        "rail label kind role basis",
        "node parent depth self_nj idle_nj self_ns covered_ns activations instances",
        "root",
    ),
    "requests": _columns(
        "kind role label trace_id rail",
        "span token start_unix_ns duration_ns energy_nj self_nj idle_nj measured_nj covered_ns",
        "root",
    ),
    "spans": _columns(
        "kind role thread trace_id rail",
        "span parent node start_unix_ns duration_ns self_nj sample_rate",
        "root",
    ),
}

# The column that `packs.sum_nj` sums; of `accounts`, root rails only.
SUMMED = {
    "accounts": "measured_nj", "kinds": "self_nj", "nodes": "self_nj",
    "phases": "measured_nj", "requests": "energy_nj", "spans": "self_nj",
}


def schema(table):
    return pa.schema(TABLES[table])
