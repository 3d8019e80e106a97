"""Executes the statements of a file by the package chdb: prints rows as JSON, one a line."""
import json
import sys

from chdb import session

with open(sys.argv[1], encoding="utf-8") as file:
    statements = json.load(file)
connection = session.Session()
for statement in statements:
    rows = str(connection.query(statement["sql"], "JSONEachRow"))
    if statement["has_rows"] and rows.strip():
        print(rows.strip(), flush=True)
connection.close()
