-- Rows of a table that count.
SELECT {columns}
FROM {table}_raw
JOIN counted USING (host_id, run, attribution, bucket, file)
