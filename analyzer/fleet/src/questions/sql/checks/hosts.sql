-- Host ids that several hosts use at the same time: machines with a copied machine id. A host that
-- was renamed has its names one after the other, which is right.
WITH names AS (
    SELECT host_id, host, min(start_unix_ns) AS first_ns, max(end_unix_ns) AS last_ns
    FROM packs_sent
    WHERE host_id <> 'unknown' AND host IS NOT NULL
    GROUP BY host_id, host)
SELECT 'two hosts have one host id' AS problem, a.host_id AS host_id, a.host AS host,
       nullif('', '') AS run, a.first_ns - a.first_ns AS attribution,
       a.first_ns - a.first_ns AS bucket, concat('v1/packs/date=*/', a.host_id, '.*') AS object,
       nullif('', '') AS rail, a.host AS expected, b.host AS found
FROM names a
JOIN names b ON b.host_id = a.host_id
WHERE a.host < b.host AND a.first_ns < b.last_ns AND b.first_ns < a.last_ns
ORDER BY object, host
