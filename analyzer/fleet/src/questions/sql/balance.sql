-- Accounts of each rail over the fleet, highest first. Columns: rail, root (only root rails may be
-- summed), hosts, packs (numbers), measured_nj, idle_nj, spans_nj, unattributed_nj,
-- other_processes_nj, profiler_nj, residual_nj, unknown_nj, extrapolated_nj (not part of
-- measured_nj), coverage, fault_nj (measured minus the sum of its accounts: 0).
-- Runs that were recorded at the same time on one host count its energy once each: see hosts.sql.
WITH sums AS (
    SELECT rail, root, count(DISTINCT host_id) AS hosts, count(*) AS packs,
           sum(measured_nj) AS measured_nj, sum(idle_nj) AS idle_nj, sum(spans_nj) AS spans_nj,
           sum(unattributed_nj) AS unattributed_nj, sum(other_processes_nj) AS other_processes_nj,
           sum(profiler_nj) AS profiler_nj, sum(residual_nj) AS residual_nj,
           sum(unknown_nj) AS unknown_nj, sum(extrapolated_nj) AS extrapolated_nj,
           ratio(sum(covered_ns), sum(duration_ns)) AS coverage
    FROM accounts
    GROUP BY rail, root)
SELECT rail, root, hosts, packs, measured_nj, idle_nj, spans_nj, unattributed_nj,
       other_processes_nj, profiler_nj, residual_nj, unknown_nj, extrapolated_nj, coverage,
       measured_nj - coalesce(idle_nj, 0) - coalesce(spans_nj, 0) - coalesce(unattributed_nj, 0)
           - coalesce(other_processes_nj, 0) - coalesce(profiler_nj, 0) - coalesce(residual_nj, 0)
           - coalesce(unknown_nj, 0) AS fault_nj
FROM sums
ORDER BY measured_nj DESC NULLS LAST, rail, root
