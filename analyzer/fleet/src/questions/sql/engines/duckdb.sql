-- DuckDB: views over the objects, functions. A table without objects is empty.

-- begin once
-- A join with the packs that count skips no object: to look for some in each one takes a third of the
-- time of objects that are not compacted.
SET disabled_optimizers = 'join_filter_pushdown';
CREATE OR REPLACE TEMPORARY MACRO joules(nj) AS CAST(nj AS DOUBLE) / 1e9;
CREATE OR REPLACE TEMPORARY MACRO ratio(a, b) AS
    CAST(a AS DOUBLE) / nullif(CAST(b AS DOUBLE), 0);
-- end once

-- begin table
SET VARIABLE energy_{table} = (
    SELECT CASE WHEN count(*) > 0 THEN {read} ELSE {empty} END FROM glob({objects}));
CREATE OR REPLACE TEMPORARY VIEW {table}_raw AS
SELECT {values}, date, file
FROM query(getvariable('energy_{table}'))
WHERE {dates};
-- end table
