-- Keys of the packs that count. An attribution counts as a whole: of each run the highest one that is
-- complete (buckets from 0 without a gap, the last one final). While none is complete, the highest
-- one that has a bucket 0 counts, up to its first gap. `complete` is 1 or 0.
WITH manifests AS (
    SELECT host_id, run, attribution, bucket, file, max(final) AS final
    FROM packs_sent
    GROUP BY host_id, run, attribution, bucket, file),
placed AS (
    SELECT host_id, run, attribution, bucket, file, final,
           row_number() OVER (PARTITION BY host_id, run, attribution ORDER BY bucket) - 1 AS place
    FROM manifests),
without_gap AS (
    SELECT host_id, run, attribution, bucket, file,
           max(CASE WHEN final THEN 1 ELSE 0 END)
               OVER (PARTITION BY host_id, run, attribution) AS complete
    FROM placed
    WHERE place = bucket),
ranked AS (
    SELECT host_id, run, attribution, bucket, file, complete,
           dense_rank() OVER (PARTITION BY host_id, run
                              ORDER BY complete DESC, attribution DESC) AS preference
    FROM without_gap)
SELECT host_id, run, attribution, bucket, file, complete
FROM ranked
WHERE preference = 1
