"""Reads packs and selects those that count, independently of the SQL."""

from collections import defaultdict
from pathlib import Path

import pyarrow.parquet as pq


PACK = ("host_id", "run", "attribution", "bucket")


def read(root, table, columns=None):
    """Yields all rows of a table as dicts, with `date` and the name of their `file`."""
    for file in sorted(Path(root, "v1", table).glob("date=*/*.parquet")):
        date = file.parent.name.removeprefix("date=")
        for row in pq.read_table(file, columns=columns, partitioning=None).to_pylist():
            row["host_id"] = row["host_id"] or "unknown"
            row.update(date=date, file=file.name)
            yield row


def key(row):
    return tuple(row[name] for name in PACK)


class Fleet:
    """The rows that count, between two dates."""

    def __init__(self, root, since=None, until=None):
        self.root, self.since, self.until = root, since or "", until or "9999"
        manifests = list(read(root, "packs"))
        self.files = {}
        for row in manifests:
            rank = (row["file"].startswith("compacted."), row["file"])
            known = self.files.get(key(row))
            if known is None or rank > (known.startswith("compacted."), known):
                self.files[key(row)] = row["file"]
        finals = {key(row) for row in manifests if row["final"] and self.is_known(row)}
        self.counted = self._counted(finals)
        self.finals = {pack[:2] for pack in finals & self.counted}
        self._tables = {}

    def is_known(self, row):
        return self.files.get(key(row)) == row["file"]

    def _counted(self, finals):
        """The packs of the attribution that counts of each run, up to the first gap."""
        buckets = defaultdict(set)
        for host_id, run, attribution, bucket in self.files:
            buckets[host_id, run, attribution].add(bucket)
        prefixes = {}
        for which, known in buckets.items():
            length = next(n for n in range(len(known) + 1) if n not in known)
            if length:
                complete = any((*which, bucket) in finals for bucket in range(length))
                prefixes[which] = (complete, length)
        best = {}
        for (host_id, run, attribution), (complete, length) in prefixes.items():
            rank = (complete, attribution, length)
            best[host_id, run] = max(best.get((host_id, run), rank), rank)
        return {
            (*which, attribution, bucket)
            for which, (_, attribution, length) in best.items() for bucket in range(length)
        }

    def table(self, name):
        """Rows of a table that count; manifests of all dates."""
        if name not in self._tables:
            self._tables[name] = [
                row for row in read(self.root, name)
                if self.is_known(row) and key(row) in self.counted
                and (name == "packs" or self.since <= row["date"] <= self.until)
            ]
        return self._tables[name]


def total(values):
    """The sum of what is known; None if nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def grouped(rows, *names):
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in names)].append(row)
    return groups


def last(value):
    """A sort key that has None last."""
    return (value is None, value if value is not None else 0)


def most(value):
    """A sort key that has the highest first and None last."""
    return (value is None, -value if value is not None else 0)


