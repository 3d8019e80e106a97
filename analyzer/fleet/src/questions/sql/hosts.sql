-- Energy of each host, highest first. Columns: host_id, host, chip, services, runs (numbers),
-- measured_nj, idle_nj, spans_nj, other_processes_nj, unknown_nj (root rails), mean_w (mean power while
-- samples cover the time), coverage (part of the time with samples), runs_ns (times of the runs,
-- summed), recorded_ns (time in which at least one was recorded).
-- If runs_ns exceeds recorded_ns, runs were recorded at the same time. Each of them measures all of
-- its rails, so that the sums count this energy once for each run.
WITH rail_sums AS (
    SELECT host_id, rail, sum(measured_nj) AS measured_nj, sum(idle_nj) AS idle_nj,
           sum(spans_nj) AS spans_nj, sum(other_processes_nj) AS other_processes_nj,
           sum(unknown_nj) AS unknown_nj, sum(covered_ns) AS covered_ns,
           sum(duration_ns) AS duration_ns,
           sum(CASE WHEN measured_nj IS NOT NULL THEN covered_ns END) AS known_ns
    FROM accounts
    WHERE root
    GROUP BY host_id, rail),
energies AS (
    SELECT host_id, sum(measured_nj) AS measured_nj, sum(idle_nj) AS idle_nj,
           sum(spans_nj) AS spans_nj, sum(other_processes_nj) AS other_processes_nj,
           sum(unknown_nj) AS unknown_nj, sum(ratio(measured_nj, known_ns)) AS mean_w,
           ratio(sum(covered_ns), sum(duration_ns)) AS coverage
    FROM rail_sums
    GROUP BY host_id),
placed AS (
    SELECT host_id, host, chip, service, run, bucket_start_unix_ns AS from_ns,
           bucket_end_unix_ns AS until_ns,
           max(bucket_end_unix_ns) OVER (PARTITION BY host_id ORDER BY bucket_start_unix_ns
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS recorded_until_ns
    FROM runs),
work AS (
    SELECT host_id, max(host) AS host, max(chip) AS chip, count(DISTINCT service) AS services,
           count(DISTINCT run) AS runs, sum(until_ns - from_ns) AS runs_ns,
           sum(CASE WHEN recorded_until_ns >= until_ns THEN 0
                    WHEN recorded_until_ns > from_ns THEN until_ns - recorded_until_ns
                    ELSE until_ns - from_ns END) AS recorded_ns
    FROM placed
    GROUP BY host_id)
SELECT w.host_id AS host_id, w.host AS host, w.chip AS chip, w.services AS services,
       w.runs AS runs, e.measured_nj AS measured_nj, e.idle_nj AS idle_nj, e.spans_nj AS spans_nj,
       e.other_processes_nj AS other_processes_nj, e.unknown_nj AS unknown_nj, e.mean_w AS mean_w,
       e.coverage AS coverage, w.runs_ns AS runs_ns, w.recorded_ns AS recorded_ns
FROM work w
LEFT JOIN energies e ON e.host_id = w.host_id
ORDER BY measured_nj DESC NULLS LAST, host_id
