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
attributions AS (
    SELECT host_id, run, attribution, max(CASE WHEN final THEN 1 ELSE 0 END) AS complete
    FROM placed
    WHERE place = bucket
    GROUP BY host_id, run, attribution),
ranked AS (
    SELECT host_id, run, attribution, complete,
           row_number() OVER (PARTITION BY host_id, run
                              ORDER BY complete DESC, attribution DESC) AS preference
    FROM attributions)
SELECT p.host_id AS host_id, p.run AS run, p.attribution AS attribution, p.bucket AS bucket,
       p.file AS file, r.complete AS complete
FROM placed p
JOIN ranked r ON r.host_id = p.host_id AND r.run = p.run AND r.attribution = p.attribution
WHERE p.place = p.bucket AND r.preference = 1
