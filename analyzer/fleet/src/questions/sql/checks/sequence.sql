-- Attributions of runs whose packs have a gap: the manifest of a bucket is missing.
WITH placed AS (
    SELECT host_id, host, run, attribution, bucket, date,
           row_number() OVER (PARTITION BY host_id, run, attribution ORDER BY bucket) - 1 AS place
    FROM packs_sent
    WHERE table_name = 'runs'),
gaps AS (
    SELECT host_id, max(host) AS host, run, attribution, min(place) AS missing, min(bucket) AS next,
           min(date) AS date
    FROM placed
    WHERE place <> bucket
    GROUP BY host_id, run, attribution)
SELECT 'manifest of a bucket is missing' AS problem, host_id, host, run, attribution,
       missing AS bucket,
       concat('v1/packs/date=*/', host_id, '.', run, '.', missing, '.a', attribution, '.parquet')
           AS object,
       nullif('', '') AS rail, concat('bucket ', missing) AS expected,
       concat('bucket ', next, ' of ', date) AS found
FROM gaps
ORDER BY object
