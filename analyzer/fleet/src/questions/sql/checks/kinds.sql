-- Rails of a pack whose operations do not sum to the account of spans.
SELECT 'operations do not sum to the account of spans' AS problem, host_id, max(host) AS host, run,
       attribution, bucket, concat('v1/kinds/date=', max(date), '/', file) AS object, rail,
       concat('', sum(account_nj)) AS expected, concat('', sum(kind_nj)) AS found
FROM (SELECT host_id, host, run, attribution, bucket, date, file, rail,
             coalesce(spans_nj, 0) AS account_nj, coalesce(spans_nj, 0) - coalesce(spans_nj, 0) AS kind_nj
      FROM accounts_sent
      UNION ALL
      SELECT host_id, host, run, attribution, bucket, date, file, rail,
             coalesce(self_nj, 0) - coalesce(self_nj, 0) AS account_nj, coalesce(self_nj, 0) AS kind_nj
      FROM kinds_sent) AS sides
GROUP BY host_id, run, attribution, bucket, file, rail
HAVING sum(account_nj) <> sum(kind_nj)
ORDER BY object, rail
