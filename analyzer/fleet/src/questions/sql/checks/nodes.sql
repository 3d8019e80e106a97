-- Rails of a pack with call paths whose call paths do not sum to the account of spans.
WITH expected AS (
    SELECT host_id AS sent_host, run AS sent_run, attribution AS sent_attribution,
           bucket AS sent_bucket
    FROM packs_sent
    WHERE table_name = 'nodes' AND rows > 0),
sides AS (
    SELECT host_id, host, run, attribution, bucket, date, file, rail,
           coalesce(spans_nj, 0) AS account_nj, coalesce(spans_nj, 0) - coalesce(spans_nj, 0) AS node_nj
    FROM accounts_sent
    UNION ALL
    SELECT host_id, host, run, attribution, bucket, date, file, rail,
           coalesce(self_nj, 0) - coalesce(self_nj, 0) AS account_nj, coalesce(self_nj, 0) AS node_nj
    FROM nodes_sent),
sums AS (
    SELECT host_id, max(host) AS host, run, attribution, bucket, max(date) AS date, file, rail,
           sum(account_nj) AS account_nj, sum(node_nj) AS node_nj
    FROM sides
    GROUP BY host_id, run, attribution, bucket, file, rail)
SELECT 'call paths do not sum to the account of spans' AS problem, host_id, host, run, attribution,
       bucket, concat('v1/nodes/date=', date, '/', file) AS object, rail,
       concat('', account_nj) AS expected, concat('', node_nj) AS found
FROM sums
JOIN expected ON sent_host = host_id AND sent_run = run AND sent_attribution = attribution
             AND sent_bucket = bucket
WHERE account_nj <> node_nj
ORDER BY object, rail
