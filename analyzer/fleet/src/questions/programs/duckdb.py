"""Executes the statements of a file by the package duckdb: prints rows as JSON, one a line."""
import json
import sys

import duckdb


def text(value):
    """Text of all digits of a number; NULL and booleans as they are."""
    return value if value is None or isinstance(value, bool) else str(value)


with open(sys.argv[1], encoding="utf-8") as file:
    statements = json.load(file)
connection = duckdb.connect()
for statement in statements:
    result = connection.execute(statement["sql"])
    if statement["has_rows"]:
        names = [column[0] for column in result.description]
        for row in result.fetchall():
            values = [text(value) for value in row]
            print(json.dumps(dict(zip(names, values))), flush=True)
