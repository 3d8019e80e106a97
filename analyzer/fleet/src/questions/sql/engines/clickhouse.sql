-- ClickHouse: views over the objects, functions. A table without objects is empty.

-- begin once
-- Unknown stays NULL: in outer joins, sums without values and casts.
SET join_use_nulls = 1;
SET aggregate_functions_null_for_empty = 1;
SET cast_keep_nullable = 1;
SET prefer_column_name_to_alias = 1;
SET output_format_json_quote_64bit_integers = 1;
SET output_format_json_quote_decimals = 1;
CREATE OR REPLACE FUNCTION joules AS (nj) -> toFloat64(nj) / 1e9;
CREATE OR REPLACE FUNCTION ratio AS (a, b) -> toFloat64(a) / nullIf(toFloat64(b), 0);
-- end once

-- begin table
CREATE OR REPLACE VIEW {table}_raw AS
SELECT {values}, extract(_path, 'date=([0-9-]+)/[^/]*$') AS date, _file AS file
FROM {function}({objects}, 'Parquet', {structure})
WHERE {dates};
-- end table
