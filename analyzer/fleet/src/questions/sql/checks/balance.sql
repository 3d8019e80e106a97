-- Accounts of a rail in a pack that do not sum to its measured energy.
SELECT 'accounts do not sum to the measured energy' AS problem, host_id, host, run, attribution,
       bucket, concat('v1/accounts/date=', date, '/', file) AS object, rail,
       concat('', coalesce(measured_nj, 0)) AS expected, concat('', accounts_nj) AS found
FROM (SELECT host_id, host, run, attribution, bucket, date, file, rail, measured_nj,
             coalesce(idle_nj, 0) + coalesce(spans_nj, 0) + coalesce(unattributed_nj, 0)
                 + coalesce(other_processes_nj, 0) + coalesce(profiler_nj, 0)
                 + coalesce(residual_nj, 0) + coalesce(unknown_nj, 0) AS accounts_nj
      FROM accounts_sent) AS summed
WHERE coalesce(measured_nj, 0) <> accounts_nj
ORDER BY object, rail
