-- One row per pack: the name of its objects. All tables of a pack have objects of one name. After
-- compaction two objects hold a pack for some time, of which the compacted one counts.
SELECT host_id, run, attribution, bucket, substring(max(ranked), 2) AS file
FROM (SELECT host_id, run, attribution, bucket,
             concat(CASE WHEN file LIKE 'compacted.%' THEN '2' ELSE '1' END, file) AS ranked
      FROM packs_raw) AS objects
GROUP BY host_id, run, attribution, bucket
