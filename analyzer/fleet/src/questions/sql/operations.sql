-- Energy of each operation of each service, highest first. Columns: service, kind (path of the
-- operation), role, hosts, runs, activations (numbers), self_ns (busy time), self_nj, idle_nj (root
-- rails), j_per_activation, share (of the active energy of all operations).
WITH packed AS (
    SELECT service, kind, role, host_id, run, bucket, max(activations) AS activations,
           max(self_ns) AS self_ns, sum(self_nj) AS self_nj, sum(idle_nj) AS idle_nj
    FROM kinds
    WHERE root
    GROUP BY service, kind, role, host_id, run, bucket),
sums AS (
    SELECT service, kind, role, count(DISTINCT host_id) AS hosts, count(DISTINCT run) AS runs,
           sum(activations) AS activations, sum(self_ns) AS self_ns, sum(self_nj) AS self_nj,
           sum(idle_nj) AS idle_nj
    FROM packed
    GROUP BY service, kind, role),
total AS (
    SELECT sum(self_nj) AS all_nj
    FROM sums)
SELECT service, kind, role, hosts, runs, activations, self_ns, self_nj, idle_nj,
       ratio(joules(self_nj), activations) AS j_per_activation, ratio(self_nj, all_nj) AS share
FROM sums
CROSS JOIN total
ORDER BY self_nj DESC NULLS LAST, service NULLS LAST, kind, role NULLS LAST
