-- Version 6: coverage and extrapolation of figures, and energy that nothing assigns.

-- Work that nothing assigns to a process: a part of what was measured, as the other
-- accounts are. NULL where the rail has no such account, and in older attributions.
ALTER TABLE balance ADD COLUMN unknown_j REAL;
ALTER TABLE sample_balance ADD COLUMN unknown_j REAL;

DROP VIEW v_runs;
CREATE VIEW v_runs AS
SELECT r.no AS run, r.uuid, r.name, r.status, r.start_unix_ns, r.end_ns / 1e9 AS duration_s,
       r.model, r.engine, r.precision, r.input_tokens, r.output_tokens, r.experiment,
       a.method, b.energy_j, b.idle_j, b.energy_j - b.idle_j AS active_j, b.spans_j,
       b.outside_j, b.others_j, b.profiler_j, b.residual_j, b.unknown_j, b.extrapolated_j
FROM runs r
LEFT JOIN attributions a
     ON a.run = r.no AND a.id = (SELECT max(l.id) FROM attributions l WHERE l.run = r.no)
LEFT JOIN (
    SELECT b.run, b.attribution, sum(b.measured_j) AS energy_j,
           CASE WHEN count(b.idle_j) = count(*) THEN sum(b.idle_j) END AS idle_j,
           sum(b.spans_j) AS spans_j,
           CASE WHEN count(b.outside_j) = count(*) THEN sum(b.outside_j) END AS outside_j,
           sum(b.others_j) AS others_j,
           CASE WHEN count(b.profiler_j) = count(*) THEN sum(b.profiler_j) END AS profiler_j,
           sum(b.residual_j) AS residual_j, sum(b.unknown_j) AS unknown_j,
           sum(b.extrapolated_j) AS extrapolated_j
    FROM balance b JOIN rails l ON l.run = b.run AND l.id = b.rail AND l.parent IS NULL
    GROUP BY b.run, b.attribution
) b ON b.run = r.no AND b.attribution = a.id;
