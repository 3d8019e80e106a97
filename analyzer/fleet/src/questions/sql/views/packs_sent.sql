-- Manifests of all packs, each once. All tables of a pack have objects of one name. After compaction
-- two objects hold a pack for some time, of which the newest compacted one counts.
SELECT {columns}
FROM (SELECT {columns},
             dense_rank() OVER (
                 PARTITION BY host_id, run, attribution, bucket
                 ORDER BY CASE WHEN file LIKE 'compacted.%' THEN 0 ELSE 1 END, file DESC) AS place
      FROM packs_raw) AS objects
WHERE place = 1
