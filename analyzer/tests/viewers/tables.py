"""Queries Parquet tables with DuckDB: `tables.py SQL...`, one JSON array of rows each."""
import json
import sys

import duckdb

for query in sys.argv[1:]:
    print(json.dumps(duckdb.sql(query).fetchall(), default=str))
