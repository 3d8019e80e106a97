-- Rows of a table in packs that were sent, whether or not they count.
SELECT {columns}
FROM {table}_raw
JOIN pack_objects USING (host_id, run, attribution, bucket, file)
