-- Tables of a pack with other rows or another sum than the manifest states: objects that are
-- missing, were changed, or contain rows twice.
WITH counts AS (
    SELECT 'runs' AS named, host_id, run, attribution, bucket, count(*) AS number,
           max(0 * bucket) AS sum_nj
    FROM runs_sent
    GROUP BY host_id, run, attribution, bucket
    UNION ALL
    SELECT 'rails' AS named, host_id, run, attribution, bucket, count(*) AS number,
           max(0 * bucket) AS sum_nj
    FROM rails_sent
    GROUP BY host_id, run, attribution, bucket
    UNION ALL
    SELECT 'accounts' AS named, host_id, run, attribution, bucket, count(*) AS number,
           sum(CASE WHEN root THEN measured_nj END) AS sum_nj
    FROM accounts_sent
    GROUP BY host_id, run, attribution, bucket
    UNION ALL
    SELECT 'kinds' AS named, host_id, run, attribution, bucket, count(*) AS number,
           sum(self_nj) AS sum_nj
    FROM kinds_sent
    GROUP BY host_id, run, attribution, bucket
    UNION ALL
    SELECT 'phases' AS named, host_id, run, attribution, bucket, count(*) AS number,
           sum(measured_nj) AS sum_nj
    FROM phases_sent
    GROUP BY host_id, run, attribution, bucket
    UNION ALL
    SELECT 'nodes' AS named, host_id, run, attribution, bucket, count(*) AS number,
           sum(self_nj) AS sum_nj
    FROM nodes_sent
    GROUP BY host_id, run, attribution, bucket
    UNION ALL
    SELECT 'requests' AS named, host_id, run, attribution, bucket, count(*) AS number,
           sum(energy_nj) AS sum_nj
    FROM requests_sent
    GROUP BY host_id, run, attribution, bucket
    UNION ALL
    SELECT 'spans' AS named, host_id, run, attribution, bucket, count(*) AS number,
           sum(self_nj) AS sum_nj
    FROM spans_sent
    GROUP BY host_id, run, attribution, bucket),
compared AS (
    SELECT p.host_id AS host_id, p.host AS host, p.run AS run, p.attribution AS attribution,
           p.bucket AS bucket, concat('v1/', p.table_name, '/date=', p.date, '/', p.file) AS object,
           p.rows AS stated_rows, coalesce(p.sum_nj, 0) AS stated_nj,
           coalesce(c.number, 0) AS found_rows, coalesce(c.sum_nj, 0) AS found_nj
    FROM packs_sent p
    LEFT JOIN counts c
      ON c.named = p.table_name AND c.host_id = p.host_id AND c.run = p.run
     AND c.attribution = p.attribution AND c.bucket = p.bucket)
SELECT CASE WHEN found_rows = 0 THEN 'object is missing'
            WHEN found_rows <> stated_rows THEN 'rows differ from the manifest'
            ELSE 'sum differs from the manifest' END AS problem,
       host_id, host, run, attribution, bucket, object, nullif('', '') AS rail,
       concat('', stated_rows, ' rows, ', stated_nj, ' nJ') AS expected,
       concat('', found_rows, ' rows, ', found_nj, ' nJ') AS found
FROM compared
WHERE found_rows <> stated_rows OR found_nj <> stated_nj
ORDER BY object
