"""Writes packs: objects of the tables first, their manifest last, as `energy fleet push` does."""

import hashlib
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from columns import SUMMED, schema


class Pack:
    """One bucket of a run in one attribution."""

    def __init__(self, keys, date, manifest):
        self.keys, self.date, self.manifest = keys, date, manifest
        self.rows = {}

    @property
    def name(self):
        keys = self.keys
        return f"{keys['host_id']}.{keys['run']}.{keys['bucket']}.a{keys['attribution']}.parquet"

    def add(self, table, **values):
        self.rows.setdefault(table, []).append(values)

    def path(self, table):
        return f"v1/{table}/date={self.date}/{self.name}"

    def write(self, root, with_manifest=True):
        """Writes all tables of the pack. Without the manifest, no reader sees it."""
        entries = []
        for table in SUMMED.keys() | {"runs", "rails"}:
            rows = self.rows.get(table, [])
            digest = self._put(root, table, rows) if rows else None
            entries.append(self._entry(table, rows, digest))
        if with_manifest:
            self._put(root, "packs", sorted(entries, key=lambda entry: entry["table_name"]))

    def _entry(self, table, rows, digest):
        return dict(
            self.manifest, table_name=table, object=self.path(table) if rows else None,
            rows=len(rows), sum_nj=_sum(table, rows), sha256=digest,
        )

    def _put(self, root, table, rows):
        wanted = schema(table)
        columns = {
            name: [self.keys[name]] * len(rows) if name in self.keys
            else [row.get(name) for row in rows]
            for name in wanted.names
        }
        return put(Path(root) / self.path(table), pa.table(columns, schema=wanted))


def put(path, table):
    """Writes an object that appears whole, and returns its hash."""
    content = io.BytesIO()
    pq.write_table(table, content, compression="zstd")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(content.getvalue())
    partial.rename(path)
    return hashlib.sha256(content.getvalue()).hexdigest()


def _sum(table, rows):
    if table not in SUMMED:
        return None
    counted = [row for row in rows if row["root"]] if table == "accounts" else rows
    return sum(row.get(SUMMED[table]) or 0 for row in counted)


def compact(root, date, generation=1, remove=False):
    """Writes one object per table of a day, its manifests last; `remove` deletes the sources."""
    folders = [folder for folder in Path(root, "v1").iterdir() if folder.name != "packs"]
    sources = []
    for folder in [*folders, Path(root, "v1", "packs")]:
        files = sorted((folder / f"date={date}").glob("*.parquet"))
        if files:
            tables = [pq.read_table(file, partitioning=None) for file in files]
            put(files[0].with_name(f"compacted.{generation:08}.parquet"), pa.concat_tables(tables))
            sources += files
    for file in sources if remove else []:
        file.unlink()
