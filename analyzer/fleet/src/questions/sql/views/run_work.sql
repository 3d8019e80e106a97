-- Energy of the measured work of each run, as `energy runs` shows it: measured plus extrapolated energy
-- of root rails in all phases and between them, which is the time of the span with the role `run`, or
-- the whole run without such a span. NULL if samples cover less than half of it on a rail.
WITH rail_sums AS (
    SELECT host_id, run, rail, sum(measured_nj) AS measured_nj,
           sum(extrapolated_nj) AS extrapolated_nj,
           CASE WHEN 2 * sum(covered_ns) < sum(duration_ns) THEN 0 ELSE 1 END AS known
    FROM phases
    WHERE root
    GROUP BY host_id, run, rail)
SELECT host_id, run,
       CASE WHEN min(known) = 1
            THEN sum(measured_nj) + coalesce(sum(extrapolated_nj), 0) END AS work_nj
FROM rail_sums
GROUP BY host_id, run
