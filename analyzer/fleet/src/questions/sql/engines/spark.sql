-- Spark SQL: tables over the objects, functions. Objects are listed when a table is first read.
-- A table whose folder is missing is empty.

-- begin once
-- Values that contain dollar signs are no variables.
SET spark.sql.variable.substitute=false;
-- Partitions are found in the folders, as no catalogue knows them.
SET spark.sql.hive.manageFilesourcePartitions=false;
CREATE OR REPLACE TEMPORARY FUNCTION joules(nj DECIMAL(38,0)) RETURNS DOUBLE
    RETURN CAST(nj AS DOUBLE) / 1e9D;
CREATE OR REPLACE TEMPORARY FUNCTION ratio(a DOUBLE, b DOUBLE) RETURNS DOUBLE
    RETURN a / nullif(b, 0D);
-- end once

-- begin table
DROP TABLE IF EXISTS energy_{table};
CREATE TABLE energy_{table} ({columns}, date STRING)
    USING parquet PARTITIONED BY (date) LOCATION {location};
CREATE OR REPLACE TEMPORARY VIEW {table}_raw AS
SELECT {values}, date, _metadata.file_name AS file
FROM energy_{table}
WHERE {dates};
-- end table
