-- Rows without a manifest, one day before the fleets last pack: the manifest was deleted, or the
-- sender stopped. Readers do not see these rows.
WITH newest AS (
    SELECT max(end_unix_ns) AS newest_ns
    FROM packs_raw),
orphans AS (
    SELECT r.host_id AS host_id, r.host AS host, r.run AS run, r.attribution AS attribution,
           r.bucket AS bucket, r.date AS date, r.file AS file,
           r.bucket_end_unix_ns AS bucket_end_unix_ns
    FROM runs_raw r
    LEFT JOIN pack_objects o
      ON o.host_id = r.host_id AND o.run = r.run AND o.attribution = r.attribution
     AND o.bucket = r.bucket
    WHERE o.file IS NULL)
SELECT 'manifest is missing' AS problem, host_id, host, run, attribution, bucket,
       concat('v1/packs/date=', date, '/', file) AS object, nullif('', '') AS rail,
       'a manifest' AS expected, 'rows without one' AS found
FROM orphans
CROSS JOIN newest
WHERE newest_ns - bucket_end_unix_ns > 86400000000000
ORDER BY object
