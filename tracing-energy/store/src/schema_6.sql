-- Version 6: coverage and extrapolation of energies, and unassigned energy.

-- Work not assigned to any process: a part of the measured energy, like the other accounts.
-- NULL if the rail has no such account, and in older attributions.
ALTER TABLE balance ADD COLUMN unknown_j REAL;
ALTER TABLE sample_balance ADD COLUMN unknown_j REAL;

-- Coverage. `covered_ns` is the part of a time that samples cover. The estimate for the
-- remainder is `extrapolated_j`, and `lo_j` to `hi_j` is the 90 % interval of the sum;
-- measured energy is not changed. NULL: the attribution is of an earlier version.
ALTER TABLE balance ADD COLUMN covered_ns INTEGER;
ALTER TABLE balance ADD COLUMN lo_j REAL;
ALTER TABLE balance ADD COLUMN hi_j REAL;
-- Run time covered by the accounts: all of it, but in imports at most the time that the
-- files cover.
ALTER TABLE balance ADD COLUMN duration_ns INTEGER;
ALTER TABLE phase_energy ADD COLUMN covered_ns INTEGER;
ALTER TABLE phase_energy ADD COLUMN extrapolated_j REAL;
ALTER TABLE phase_energy ADD COLUMN lo_j REAL;
ALTER TABLE phase_energy ADD COLUMN hi_j REAL;
-- Half of the interval of `extrapolated_j`, independent between phases, and the energy
-- that windows across the phase's edges probably gave to its neighbours.
ALTER TABLE phase_energy ADD COLUMN gap_j REAL;
ALTER TABLE phase_energy ADD COLUMN edge_j REAL;
ALTER TABLE span_energy ADD COLUMN covered_ns INTEGER;
ALTER TABLE span_energy ADD COLUMN extrapolated_j REAL;
-- Of the self time.
ALTER TABLE node_energy ADD COLUMN covered_ns INTEGER;
ALTER TABLE kind_energy ADD COLUMN covered_ns INTEGER;

-- Energies of times, in views: `energy_j` is measured plus extrapolated, NULL where
-- samples of some root rail cover less than half of the time; `idle_j` is of the same
-- time. `coverage` is that of the least covered root rail.
CREATE VIEW v_phase_rails AS
SELECT p.run, p.node, p.rail, p.duration_ns, p.spans_j, p.peak_w, p.energy_j AS measured_j,
       CASE WHEN p.covered_ns IS NULL THEN 0.0 ELSE p.extrapolated_j END AS extrapolated_j,
       CASE WHEN p.covered_ns < p.duration_ns
            THEN p.idle_j * p.duration_ns / nullif(p.covered_ns, 0) ELSE p.idle_j END AS idle_j,
       p.covered_ns * 1.0 / nullif(p.duration_ns, 0) AS coverage, p.lo_j, p.hi_j
FROM phase_energy p
JOIN rails r ON r.run = p.run AND r.id = p.rail AND r.parent IS NULL
WHERE p.attribution = (SELECT max(a.id) FROM attributions a WHERE a.run = p.run);

-- Only spans of the role `phase` are phases. Earlier versions wrote rows of root spans
-- where there were none: those are `(between)`. Rails have their peaks at different times:
-- `peak_w` is known where there is one root rail.
DROP VIEW v_phases;
CREATE VIEW v_phases AS
SELECT run, phase, node, duration_ns,
       CASE WHEN known THEN measured_j + extrapolated_j END AS energy_j,
       CASE WHEN known THEN idle_j END AS idle_j,
       CASE WHEN known THEN active_j END AS active_j,
       spans_j,
       CASE WHEN known THEN (measured_j + extrapolated_j) * 1e9 / nullif(duration_ns, 0) END
           AS power_w,
       peak_w, measured_j, CASE WHEN known THEN extrapolated_j END AS extrapolated_j, coverage,
       CASE WHEN known THEN lo_j END AS lo_j, CASE WHEN known THEN hi_j END AS hi_j
FROM (
    SELECT p.run, coalesce(n.label, '(between)') AS phase, n.id AS node,
           sum(p.duration_ns) / count(DISTINCT p.rail) AS duration_ns,
           coalesce(min(p.coverage), 1.0) >= 0.5 AS known,
           CASE WHEN count(p.measured_j) = count(*) THEN sum(p.measured_j) END AS measured_j,
           CASE WHEN count(p.extrapolated_j) = count(*) THEN sum(p.extrapolated_j) END
               AS extrapolated_j,
           CASE WHEN count(p.idle_j) = count(*) THEN sum(p.idle_j) END AS idle_j,
           CASE WHEN count(p.idle_j) = count(*)
                THEN sum(max(p.measured_j + p.extrapolated_j - p.idle_j, 0.0)) END AS active_j,
           CASE WHEN count(p.spans_j) = count(*) THEN sum(p.spans_j) END AS spans_j,
           CASE WHEN count(p.coverage) = count(*) THEN min(p.coverage) END AS coverage,
           CASE WHEN count(p.lo_j) = count(*) THEN sum(p.lo_j) END AS lo_j,
           CASE WHEN count(p.hi_j) = count(*) THEN sum(p.hi_j) END AS hi_j,
           CASE WHEN count(DISTINCT p.rail) = 1 THEN max(p.peak_w) END AS peak_w,
           n.id IS NULL AS ordinal
    FROM v_phase_rails p
    LEFT JOIN nodes n ON n.run = p.run AND n.id = p.node AND EXISTS (
        SELECT 1 FROM callsites c
        WHERE c.run = n.run AND c.id = n.callsite AND c.role = 'phase')
    GROUP BY p.run, n.id
    UNION ALL
    SELECT s.run, '(rest)', NULL, NULL, 0, NULL, NULL, NULL, NULL,
           (SELECT sum(v.self_j) FROM v_node_rails v WHERE v.run = s.run)
           - coalesce((SELECT sum(p.spans_j) FROM v_phase_rails p WHERE p.run = s.run), 0.0),
           NULL, NULL, NULL, NULL, 2
    FROM v_shown s WHERE s.attribution IS NOT NULL
)
ORDER BY run, ordinal, node;

DROP VIEW v_tokens;
DROP VIEW v_token_rails;
CREATE VIEW v_token_rails AS
SELECT r.no AS run, t.token, e.span, n.phase, t.start_ns, t.end_ns - t.start_ns AS duration_ns,
       e.rail, e.energy_j AS measured_j,
       CASE WHEN e.covered_ns IS NULL THEN 0.0 ELSE e.extrapolated_j END AS extrapolated_j,
       CASE WHEN e.covered_ns < t.end_ns - t.start_ns
            THEN e.idle_j * (t.end_ns - t.start_ns) / nullif(e.covered_ns, 0)
            ELSE e.idle_j END AS idle_j,
       e.spans_j, e.covered_ns * 1.0 / nullif(t.end_ns - t.start_ns, 0) AS coverage
FROM runs r
CROSS JOIN span_energy e
     ON e.span BETWEEN (r.no << 40) AND (r.no << 40 | 1099511627775)
     AND e.attribution = (SELECT max(a.id) FROM attributions a WHERE a.run = r.no)
CROSS JOIN rails l ON l.run = r.no AND l.id = e.rail AND l.parent IS NULL
CROSS JOIN spans t ON t.id = e.span
CROSS JOIN nodes n ON n.run = r.no AND n.id = t.node AND n.token = n.id;

CREATE VIEW v_tokens AS
SELECT run, token, span, phase, start_ns, duration_ns,
       CASE WHEN known THEN measured_j + extrapolated_j END AS energy_j,
       CASE WHEN known THEN idle_j END AS idle_j,
       CASE WHEN known THEN active_j END AS active_j,
       spans_j, measured_j, CASE WHEN known THEN extrapolated_j END AS extrapolated_j,
       coverage,
       CASE WHEN token = '0' AND phase = 'decode' THEN 'sampling only' END AS note
FROM (
    SELECT t.run, CAST(t.token AS TEXT) AS token, t.span,
           (SELECT p.label FROM nodes p WHERE p.run = t.run AND p.id = t.phase) AS phase,
           t.start_ns, t.duration_ns, coalesce(min(t.coverage), 1.0) >= 0.5 AS known,
           CASE WHEN count(t.measured_j) = count(*) THEN sum(t.measured_j) END AS measured_j,
           sum(t.extrapolated_j) AS extrapolated_j,
           CASE WHEN count(t.idle_j) = count(*) THEN sum(t.idle_j) END AS idle_j,
           CASE WHEN count(t.idle_j) = count(*)
                THEN sum(max(t.measured_j + t.extrapolated_j - t.idle_j, 0.0)) END AS active_j,
           CASE WHEN count(t.spans_j) = count(*) THEN sum(t.spans_j) END AS spans_j,
           CASE WHEN count(t.coverage) = count(*) THEN min(t.coverage) END AS coverage,
           0 AS ordinal
    FROM v_token_rails t GROUP BY t.run, t.span
    UNION ALL
    SELECT s.run, '(rest)', NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL,
           (SELECT sum(v.self_j) FROM v_node_rails v WHERE v.run = s.run)
           - (SELECT total(t.spans_j) FROM v_token_rails t WHERE t.run = s.run),
           NULL, 1
    FROM v_shown s WHERE s.attribution IS NOT NULL
)
ORDER BY run, ordinal, span;

-- Accounts from `spans_j` on, `measured_j` and `measured_idle_j` are of the sampled time.
DROP VIEW v_runs;
CREATE VIEW v_runs AS
SELECT r.no AS run, r.uuid, r.name, r.status, r.start_unix_ns, r.end_ns / 1e9 AS duration_s,
       r.model, r.engine, r.precision, r.input_tokens, r.output_tokens, r.experiment,
       a.method,
       CASE WHEN b.known THEN b.measured_j + b.extrapolated_j END AS energy_j,
       CASE WHEN b.known THEN b.idle_j END AS idle_j,
       CASE WHEN b.known THEN b.active_j END AS active_j,
       b.spans_j, b.outside_j, b.others_j, b.profiler_j, b.residual_j, b.unknown_j,
       b.extrapolated_j,
       b.measured_j, b.measured_idle_j, b.coverage,
       CASE WHEN b.known THEN b.lo_j END AS lo_j, CASE WHEN b.known THEN b.hi_j END AS hi_j
FROM runs r
LEFT JOIN attributions a
     ON a.run = r.no AND a.id = (SELECT max(l.id) FROM attributions l WHERE l.run = r.no)
LEFT JOIN (
    SELECT b.run, b.attribution, sum(b.measured_j) AS measured_j,
           coalesce(min(b.covered_ns * 1.0 / nullif(b.duration_ns, 0)), 1.0) >= 0.5 AS known,
           CASE WHEN count(b.idle_j) = count(*) THEN sum(b.idle_j) END AS measured_idle_j,
           CASE WHEN count(b.idle_j) = count(*) THEN
               sum(CASE WHEN b.covered_ns < b.duration_ns
                        THEN b.idle_j * b.duration_ns / nullif(b.covered_ns, 0)
                        ELSE b.idle_j END) END AS idle_j,
           CASE WHEN count(b.idle_j) = count(*) THEN
               sum(max(b.measured_j
                       + CASE WHEN b.covered_ns IS NULL THEN 0.0 ELSE b.extrapolated_j END
                       - CASE WHEN b.covered_ns < b.duration_ns
                              THEN b.idle_j * b.duration_ns / nullif(b.covered_ns, 0)
                              ELSE b.idle_j END, 0.0)) END AS active_j,
           sum(b.spans_j) AS spans_j,
           CASE WHEN count(coalesce(b.outside_j, b.unknown_j)) = count(*)
                THEN sum(b.outside_j) END AS outside_j,
           sum(b.others_j) AS others_j,
           CASE WHEN count(coalesce(b.profiler_j, b.unknown_j)) = count(*)
                THEN sum(b.profiler_j) END AS profiler_j,
           sum(b.residual_j) AS residual_j, sum(b.unknown_j) AS unknown_j,
           CASE WHEN count(b.covered_ns) = count(*) THEN sum(b.extrapolated_j) ELSE 0.0 END
               AS extrapolated_j,
           CASE WHEN count(b.covered_ns) = count(*)
                THEN min(b.covered_ns * 1.0 / nullif(b.duration_ns, 0)) END AS coverage,
           CASE WHEN count(b.lo_j) = count(*) THEN sum(b.lo_j) END AS lo_j,
           CASE WHEN count(b.hi_j) = count(*) THEN sum(b.hi_j) END AS hi_j
    FROM balance b JOIN rails l ON l.run = b.run AND l.id = b.rail AND l.parent IS NULL
    GROUP BY b.run, b.attribution
) b ON b.run = r.no AND b.attribution = a.id;

-- The recorder of a run and the time it was last seen. `last_seen_ns` is the run time of
-- the latest flush: unlike the heartbeat's wall clock it cannot be set and does not count
-- sleep. `pid_space` is the space of process ids in which `pid` may be looked up; empty if
-- it cannot. The recorder renews `lease` at each flush; a repairer claims the lease and
-- closes the run only if it is not renewed.
ALTER TABLE runs ADD COLUMN last_seen_ns INTEGER;
ALTER TABLE runs ADD COLUMN pid_space TEXT;
ALTER TABLE runs ADD COLUMN lease TEXT;
ALTER TABLE runs ADD COLUMN lease_renewals INTEGER NOT NULL DEFAULT 0;

-- Samples as power, with the phase that was active longest in each: spans of the role
-- `phase` only.
DROP VIEW v_power;
CREATE VIEW v_power AS
SELECT s.run, r.source, r.name AS rail, r.parent IS NULL AS root, s.start_ns, s.end_ns,
       s.energy_j, s.energy_j * 1e9 / nullif(s.end_ns - s.start_ns, 0) AS power_w,
       n.label AS phase
FROM samples s
JOIN rails r ON r.run = s.run AND r.id = s.rail
LEFT JOIN nodes n ON n.run = s.run AND n.id = s.phase AND EXISTS (
    SELECT 1 FROM callsites c
    WHERE c.run = n.run AND c.id = n.callsite AND c.role = 'phase');

-- Busy time of a rail's device (GPU, neural engine) by process, if the system reports it:
-- of the run's processes, of others, and an upper bound for processes that may not be read.
-- Engines that work at once count each.
CREATE TABLE device_use (
    run INTEGER NOT NULL,
    rail INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    own_ns INTEGER NOT NULL,
    others_ns INTEGER NOT NULL,
    unknown_ns INTEGER NOT NULL,
    PRIMARY KEY (run, rail, start_ns)
) WITHOUT ROWID;

-- Standard deviation of the power of a baseline's samples; NULL: fewer than two, or not
-- known. It bounds how far a run's mean may be below its idle power by chance.
ALTER TABLE baselines ADD COLUMN spread_w REAL;

-- Idle energy of nodes is summed over rails with known idle power; on other rails it is
-- part of the active energy.
DROP VIEW v_nodes;
CREATE VIEW v_nodes AS
SELECT v.run, v.node, v.parent, v.depth, v.label, c.name, c.role,
       v.phase, v.section, v.token, v.layer, v.component, v.op,
       sum(v.self_j) AS self_j, sum(v.inclusive_j) AS inclusive_j,
       sum(v.idle_j) AS idle_j,
       sum(v.self_ns) AS self_ns, sum(v.activations) AS activations,
       sum(v.instances) AS instances
FROM v_node_rails v
LEFT JOIN callsites c ON c.run = v.run AND c.id = v.callsite
GROUP BY v.run, v.node;

DROP VIEW v_sections;
CREATE VIEW v_sections AS
SELECT run, section, phase, activations, self_ns, subtree_ns, self_j, spans_j, idle_j,
       spans_j + coalesce(idle_j, 0.0) AS energy_j
FROM (
    SELECT v.run, coalesce(c.name, t.label) AS section,
           (SELECT p.label FROM nodes p WHERE p.run = v.run AND p.id = v.phase) AS phase,
           sum(CASE WHEN v.node = t.id THEN v.activations END) AS activations,
           sum(CASE WHEN v.node = t.id THEN v.self_ns END) AS self_ns,
           sum(v.self_ns) AS subtree_ns,
           sum(CASE WHEN v.node = t.id THEN v.self_j END) AS self_j,
           sum(v.self_j) AS spans_j,
           sum(v.idle_j) AS idle_j,
           0 AS ordinal
    FROM v_node_rails v
    CROSS JOIN nodes t ON t.run = v.run AND t.id = v.section
    LEFT JOIN callsites c ON c.run = t.run AND c.id = t.callsite
    GROUP BY v.run, 2, 3
    UNION ALL
    SELECT s.run, '(rest)', NULL, NULL,
           (SELECT sum(v.self_ns) FROM v_node_rails v WHERE v.run = s.run AND v.section IS NULL),
           (SELECT sum(v.self_ns) FROM v_node_rails v WHERE v.run = s.run AND v.section IS NULL),
           (SELECT total(v.self_j) FROM v_node_rails v WHERE v.run = s.run AND v.section IS NULL),
           (SELECT total(v.self_j) FROM v_node_rails v WHERE v.run = s.run AND v.section IS NULL),
           (SELECT sum(v.idle_j)
            FROM v_node_rails v WHERE v.run = s.run AND v.section IS NULL), 1
    FROM v_shown s WHERE s.attribution IS NOT NULL
)
ORDER BY run, ordinal, phase, section;

DROP VIEW v_layers;
CREATE VIEW v_layers AS
SELECT run, layer, phases, activations, self_ns, subtree_ns, self_j, spans_j, idle_j,
       spans_j + coalesce(idle_j, 0.0) AS energy_j
FROM (
    SELECT v.run, t.label AS layer,
           count(DISTINCT v.phase) AS phases,
           sum(CASE WHEN v.node = t.id THEN v.activations END) AS activations,
           sum(CASE WHEN v.node = t.id THEN v.self_ns END) AS self_ns,
           sum(v.self_ns) AS subtree_ns,
           sum(CASE WHEN v.node = t.id THEN v.self_j END) AS self_j,
           sum(v.self_j) AS spans_j,
           sum(v.idle_j) AS idle_j,
           0 AS ordinal
    FROM v_node_rails v
    CROSS JOIN nodes t ON t.run = v.run AND t.id = v.layer
    LEFT JOIN callsites c ON c.run = t.run AND c.id = t.callsite
    GROUP BY v.run, 2
    UNION ALL
    SELECT s.run, '(rest)', NULL, NULL,
           (SELECT sum(v.self_ns) FROM v_node_rails v WHERE v.run = s.run AND v.layer IS NULL),
           (SELECT sum(v.self_ns) FROM v_node_rails v WHERE v.run = s.run AND v.layer IS NULL),
           (SELECT total(v.self_j) FROM v_node_rails v WHERE v.run = s.run AND v.layer IS NULL),
           (SELECT total(v.self_j) FROM v_node_rails v WHERE v.run = s.run AND v.layer IS NULL),
           (SELECT sum(v.idle_j)
            FROM v_node_rails v WHERE v.run = s.run AND v.layer IS NULL), 1
    FROM v_shown s WHERE s.attribution IS NOT NULL
)
ORDER BY run, ordinal, length(layer), layer;

DROP VIEW v_components;
CREATE VIEW v_components AS
SELECT run, component, phase, activations, self_ns, subtree_ns, self_j, spans_j, idle_j,
       spans_j + coalesce(idle_j, 0.0) AS energy_j
FROM (
    SELECT v.run, coalesce(c.name, t.label) AS component,
           (SELECT p.label FROM nodes p WHERE p.run = v.run AND p.id = v.phase) AS phase,
           sum(CASE WHEN v.node = t.id THEN v.activations END) AS activations,
           sum(CASE WHEN v.node = t.id THEN v.self_ns END) AS self_ns,
           sum(v.self_ns) AS subtree_ns,
           sum(CASE WHEN v.node = t.id THEN v.self_j END) AS self_j,
           sum(v.self_j) AS spans_j,
           sum(v.idle_j) AS idle_j,
           0 AS ordinal
    FROM v_node_rails v
    CROSS JOIN nodes t ON t.run = v.run AND t.id = v.component
    LEFT JOIN callsites c ON c.run = t.run AND c.id = t.callsite
    GROUP BY v.run, 2, 3
    UNION ALL
    SELECT s.run, '(rest)', NULL, NULL,
           (SELECT sum(v.self_ns) FROM v_node_rails v WHERE v.run = s.run AND v.component IS NULL),
           (SELECT sum(v.self_ns) FROM v_node_rails v WHERE v.run = s.run AND v.component IS NULL),
           (SELECT total(v.self_j) FROM v_node_rails v WHERE v.run = s.run AND v.component IS NULL),
           (SELECT total(v.self_j) FROM v_node_rails v WHERE v.run = s.run AND v.component IS NULL),
           (SELECT sum(v.idle_j)
            FROM v_node_rails v WHERE v.run = s.run AND v.component IS NULL), 1
    FROM v_shown s WHERE s.attribution IS NOT NULL
)
ORDER BY run, ordinal, phase, component;

DROP VIEW v_operations;
CREATE VIEW v_operations AS
SELECT run, operation, phase, activations, self_ns, subtree_ns, self_j, spans_j, idle_j,
       spans_j + coalesce(idle_j, 0.0) AS energy_j
FROM (
    SELECT v.run, coalesce(c.name, t.label) AS operation,
           (SELECT p.label FROM nodes p WHERE p.run = v.run AND p.id = v.phase) AS phase,
           sum(CASE WHEN v.node = t.id THEN v.activations END) AS activations,
           sum(CASE WHEN v.node = t.id THEN v.self_ns END) AS self_ns,
           sum(v.self_ns) AS subtree_ns,
           sum(CASE WHEN v.node = t.id THEN v.self_j END) AS self_j,
           sum(v.self_j) AS spans_j,
           sum(v.idle_j) AS idle_j,
           0 AS ordinal
    FROM v_node_rails v
    CROSS JOIN nodes t ON t.run = v.run AND t.id = v.op
    LEFT JOIN callsites c ON c.run = t.run AND c.id = t.callsite
    GROUP BY v.run, 2, 3
    UNION ALL
    SELECT s.run, '(rest)', NULL, NULL,
           (SELECT sum(v.self_ns) FROM v_node_rails v WHERE v.run = s.run AND v.op IS NULL),
           (SELECT sum(v.self_ns) FROM v_node_rails v WHERE v.run = s.run AND v.op IS NULL),
           (SELECT total(v.self_j) FROM v_node_rails v WHERE v.run = s.run AND v.op IS NULL),
           (SELECT total(v.self_j) FROM v_node_rails v WHERE v.run = s.run AND v.op IS NULL),
           (SELECT sum(v.idle_j)
            FROM v_node_rails v WHERE v.run = s.run AND v.op IS NULL), 1
    FROM v_shown s WHERE s.attribution IS NOT NULL
)
ORDER BY run, ordinal, phase, operation;

-- rails.parent: the rail that contains it. A rail that is its own parent is not counted:
-- its sensor is implausible (a whole that draws less than its parts). Sums over rails
-- without a parent exclude it. A row may be written again during a run.
