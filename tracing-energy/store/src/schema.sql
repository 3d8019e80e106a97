-- The tables of a recording file: one file holds many runs.
--
-- Times are ns since the run's start (negative before it), energies joules,
-- powers watts; NULL is "not known", never zero. Ids are local to their run
-- and start at 1; `run` is `runs.no`.
--
-- `spans.id = run << 40 | seq`: the id holds the run, so that a range of ids is
-- a run, and `spans` needs neither a column nor an index for it:
--     WHERE id BETWEEN (:run << 40) AND (:run << 40 | 1099511627775)
-- and back: run = id >> 40, seq = id & 1099511627775. Every column called
-- `span` or `follows` holds such an id. Only `spans.parent` holds a bare seq,
-- which saves three to five bytes in every row; the view `activations` widens it.
--
-- Small tables go with their run by ON DELETE CASCADE. Large tables carry no
-- REFERENCES (a cascade without a child index took 34 s for 40,000 rows); their
-- keys begin with the run or hold it, and they are deleted by range.

CREATE TABLE runs (
    no INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT,
    status TEXT NOT NULL CHECK (status IN ('running', 'complete', 'cancelled', 'crashed')),
    pid INTEGER NOT NULL,
    pid_start INTEGER,
    boot_id TEXT,
    heartbeat_unix_ns INTEGER NOT NULL,
    start_unix_ns INTEGER NOT NULL,
    end_ns INTEGER,
    host TEXT,
    os TEXT,
    chip TEXT,
    version TEXT NOT NULL,
    model TEXT,
    prompt TEXT,
    response TEXT,
    engine TEXT,
    precision TEXT,
    batch INTEGER,
    input_tokens INTEGER,
    output_tokens INTEGER,
    experiment TEXT,
    config TEXT -- a JSON object
);

CREATE TABLE run_tags (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, key)
) WITHOUT ROWID;

CREATE TABLE rails (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    id INTEGER NOT NULL,
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    parent INTEGER, -- the rail that contains it: sum over rails without one only
    kind TEXT NOT NULL,
    unit TEXT NOT NULL,
    interval_ns INTEGER NOT NULL,
    kernel TEXT NOT NULL,
    provenance TEXT NOT NULL,
    PRIMARY KEY (run, id)
) WITHOUT ROWID;

CREATE TABLE threads (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    id INTEGER NOT NULL,
    tid INTEGER NOT NULL,
    name TEXT,
    role TEXT NOT NULL CHECK (role IN ('program', 'profiler')),
    PRIMARY KEY (run, id)
) WITHOUT ROWID;

CREATE TABLE callsites (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    target TEXT NOT NULL,
    level TEXT NOT NULL,
    file TEXT,
    line INTEGER,
    domain TEXT NOT NULL,
    role TEXT,
    PRIMARY KEY (run, id)
) WITHOUT ROWID;

-- `phase` .. `op`: the topmost node of that role on the path from the root to this node,
-- including itself. It determines the row of a view that a node's energy belongs to; nested
-- nodes of one role count once.
CREATE TABLE nodes (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    id INTEGER NOT NULL,
    parent INTEGER,
    callsite INTEGER,
    label TEXT NOT NULL,
    depth INTEGER NOT NULL,
    phase INTEGER,
    section INTEGER,
    token INTEGER,
    layer INTEGER,
    component INTEGER,
    op INTEGER,
    PRIMARY KEY (run, id)
) WITHOUT ROWID;

CREATE TABLE baselines (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    rail INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    power_w REAL NOT NULL,
    samples INTEGER NOT NULL, -- 0: configured
    PRIMARY KEY (run, rail)
) WITHOUT ROWID;

CREATE TABLE events (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    count INTEGER NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;

-- Large tables of the recording.

CREATE TABLE spans (
    id INTEGER PRIMARY KEY,
    node INTEGER NOT NULL,
    instance INTEGER,
    parent INTEGER, -- seq, not id
    thread INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER, -- NULL while open
    token INTEGER
);

CREATE TABLE span_fields (
    span INTEGER PRIMARY KEY,
    json TEXT NOT NULL
);

CREATE TABLE instances (
    run INTEGER NOT NULL,
    id INTEGER NOT NULL,
    callsite INTEGER NOT NULL,
    parent INTEGER,
    created_ns INTEGER NOT NULL,
    closed_ns INTEGER,
    PRIMARY KEY (run, id)
) WITHOUT ROWID;

CREATE TABLE links (
    run INTEGER NOT NULL,
    span INTEGER NOT NULL,
    follows INTEGER NOT NULL,
    PRIMARY KEY (run, span, follows)
) WITHOUT ROWID;

CREATE TABLE marks (
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    span INTEGER,
    callsite INTEGER NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;

CREATE TABLE samples (
    run INTEGER NOT NULL,
    rail INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    energy_j REAL,
    phase INTEGER, -- node; set by attribution
    PRIMARY KEY (run, start_ns, rail)
) WITHOUT ROWID;

CREATE TABLE cpu (
    run INTEGER NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('thread', 'process', 'machine', 'sensor')),
    thread INTEGER NOT NULL, -- 0 where the scope is no thread
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    on_cpu_ns INTEGER NOT NULL,
    PRIMARY KEY (run, end_ns, scope, thread)
) WITHOUT ROWID;

CREATE TABLE node_windows (
    run INTEGER NOT NULL,
    node INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    self_ns INTEGER NOT NULL,
    activations INTEGER NOT NULL,
    PRIMARY KEY (run, start_ns, node, thread)
) WITHOUT ROWID;

-- Attributions. The views show the one with the highest id.

CREATE TABLE attributions (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    id INTEGER NOT NULL,
    method TEXT NOT NULL,
    version INTEGER NOT NULL,
    params TEXT NOT NULL, -- a JSON object
    offset_ms REAL,
    diagnostics TEXT NOT NULL, -- a JSON object
    created_unix_ns INTEGER NOT NULL,
    PRIMARY KEY (run, id)
) WITHOUT ROWID;

CREATE TABLE balance (
    run INTEGER NOT NULL,
    attribution INTEGER NOT NULL,
    rail INTEGER NOT NULL,
    measured_j REAL NOT NULL,
    idle_j REAL,
    spans_j REAL NOT NULL,
    outside_j REAL,
    others_j REAL,
    profiler_j REAL,
    residual_j REAL NOT NULL,
    extrapolated_j REAL NOT NULL,
    peak_w REAL,
    peak_ns INTEGER,
    PRIMARY KEY (run, attribution, rail),
    FOREIGN KEY (run, attribution) REFERENCES attributions(run, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE node_energy (
    run INTEGER NOT NULL,
    attribution INTEGER NOT NULL,
    node INTEGER NOT NULL,
    rail INTEGER NOT NULL,
    self_j REAL NOT NULL,
    lo_j REAL,
    hi_j REAL,
    inclusive_j REAL NOT NULL,
    idle_j REAL, -- of the node itself, without those below it
    self_ns INTEGER NOT NULL,
    activations INTEGER NOT NULL,
    instances INTEGER NOT NULL,
    min_w REAL,
    avg_w REAL,
    peak_w REAL,
    basis TEXT NOT NULL,
    PRIMARY KEY (run, attribution, node, rail),
    FOREIGN KEY (run, attribution) REFERENCES attributions(run, id) ON DELETE CASCADE
) WITHOUT ROWID;

-- `node` NULL is `(between)`: run time outside every phase.
CREATE TABLE phase_energy (
    run INTEGER NOT NULL,
    attribution INTEGER NOT NULL,
    node INTEGER,
    rail INTEGER NOT NULL,
    duration_ns INTEGER NOT NULL,
    energy_j REAL,
    idle_j REAL,
    spans_j REAL,
    peak_w REAL,
    FOREIGN KEY (run, attribution) REFERENCES attributions(run, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX phase_energy_key
    ON phase_energy (run, attribution, coalesce(node, 0), rail);

-- Large tables of attribution.

CREATE TABLE sample_balance (
    run INTEGER NOT NULL,
    attribution INTEGER NOT NULL,
    rail INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    measured_j REAL NOT NULL,
    idle_j REAL,
    spans_j REAL NOT NULL,
    outside_j REAL,
    others_j REAL,
    profiler_j REAL,
    residual_j REAL NOT NULL,
    phase INTEGER,
    PRIMARY KEY (run, attribution, start_ns, rail)
) WITHOUT ROWID;

-- `thread` 0: all threads; `kind` 0: all kinds.
CREATE TABLE window_power (
    run INTEGER NOT NULL,
    attribution INTEGER NOT NULL,
    rail INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    power_w REAL NOT NULL,
    PRIMARY KEY (run, attribution, start_ns, thread, rail, kind)
) WITHOUT ROWID;

CREATE TABLE span_energy (
    span INTEGER NOT NULL,
    attribution INTEGER NOT NULL,
    rail INTEGER NOT NULL,
    energy_j REAL,
    idle_j REAL,
    spans_j REAL,
    lo_j REAL,
    hi_j REAL,
    peak_w REAL,
    basis TEXT NOT NULL,
    PRIMARY KEY (span, attribution, rail)
) WITHOUT ROWID;

-- Views. Energies are sums over root rails, of the attribution with the highest
-- id. A sum in which one part is not known is NULL.

-- The shown attribution of each run, and the run's range of span ids.
CREATE VIEW v_shown AS
SELECT r.no AS run, (SELECT max(a.id) FROM attributions a WHERE a.run = r.no) AS attribution,
       r.no << 40 AS first_span, r.no << 40 | 1099511627775 AS last_span
FROM runs r;

-- All spans with their references as global ids.
CREATE VIEW activations AS
SELECT s.id, s.id >> 40 AS run, s.id & 1099511627775 AS seq, s.node, s.instance,
       CASE WHEN s.parent IS NOT NULL THEN (s.id >> 40 << 40) | s.parent END AS parent,
       s.thread, s.start_ns, s.end_ns, s.end_ns - s.start_ns AS duration_ns, s.token
FROM spans s;

-- The ledger, one row for each node and root rail. Times and counts do not
-- depend on the rail and stand in the row of the node's first one only, so that
-- every column may be summed. No GROUP BY here: a condition on `run` reaches the key.
CREATE VIEW v_node_rails AS
SELECT r.no AS run, n.id AS node, n.parent, n.depth, n.label, n.callsite,
       n.phase, n.section, n.token, n.layer, n.component, n.op,
       e.rail, e.self_j, e.lo_j, e.hi_j, e.inclusive_j, e.idle_j, e.basis,
       CASE WHEN EXISTS (
           SELECT 1 FROM node_energy f CROSS JOIN rails q ON q.run = f.run AND q.id = f.rail
           WHERE f.run = e.run AND f.attribution = e.attribution AND f.node = e.node
             AND f.rail < e.rail AND q.parent IS NULL) THEN 0 ELSE e.self_ns END AS self_ns,
       CASE WHEN EXISTS (
           SELECT 1 FROM node_energy f CROSS JOIN rails q ON q.run = f.run AND q.id = f.rail
           WHERE f.run = e.run AND f.attribution = e.attribution AND f.node = e.node
             AND f.rail < e.rail AND q.parent IS NULL) THEN 0 ELSE e.activations END AS activations,
       CASE WHEN EXISTS (
           SELECT 1 FROM node_energy f CROSS JOIN rails q ON q.run = f.run AND q.id = f.rail
           WHERE f.run = e.run AND f.attribution = e.attribution AND f.node = e.node
             AND f.rail < e.rail AND q.parent IS NULL) THEN 0 ELSE e.instances END AS instances
FROM runs r
CROSS JOIN node_energy e ON e.run = r.no
     AND e.attribution = (SELECT max(a.id) FROM attributions a WHERE a.run = r.no)
CROSS JOIN rails l ON l.run = r.no AND l.id = e.rail AND l.parent IS NULL
CROSS JOIN nodes n ON n.run = r.no AND n.id = e.node;

-- Energies of every node, summed over rails.
CREATE VIEW v_nodes AS
SELECT v.run, v.node, v.parent, v.depth, v.label, c.name, c.role,
       v.phase, v.section, v.token, v.layer, v.component, v.op,
       sum(v.self_j) AS self_j, sum(v.inclusive_j) AS inclusive_j,
       CASE WHEN count(v.idle_j) = count(*) THEN sum(v.idle_j) END AS idle_j,
       sum(v.self_ns) AS self_ns, sum(v.activations) AS activations,
       sum(v.instances) AS instances
FROM v_node_rails v
LEFT JOIN callsites c ON c.run = v.run AND c.id = v.callsite
GROUP BY v.run, v.node;

CREATE VIEW v_runs AS
SELECT r.no AS run, r.uuid, r.name, r.status, r.start_unix_ns, r.end_ns / 1e9 AS duration_s,
       r.model, r.engine, r.precision, r.input_tokens, r.output_tokens, r.experiment,
       a.method, b.energy_j, b.idle_j, b.energy_j - b.idle_j AS active_j, b.spans_j,
       b.outside_j, b.others_j, b.profiler_j, b.residual_j, b.extrapolated_j
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
           sum(b.residual_j) AS residual_j, sum(b.extrapolated_j) AS extrapolated_j
    FROM balance b JOIN rails l ON l.run = b.run AND l.id = b.rail AND l.parent IS NULL
    GROUP BY b.run, b.attribution
) b ON b.run = r.no AND b.attribution = a.id;

-- Energy of each phase's interval. `peak_w` is the highest of any root rail. Phases and
-- `(between)` sum to the run's energy; with `(rest)`, which has no time of its own,
-- `spans_j` sums to the run's spans.
CREATE VIEW v_phases AS
SELECT run, phase, node, duration_ns, energy_j, idle_j, energy_j - idle_j AS active_j,
       spans_j, energy_j * 1e9 / nullif(duration_ns, 0) AS power_w, peak_w
FROM (
    SELECT p.run, coalesce(n.label, '(between)') AS phase, p.node,
           max(p.duration_ns) AS duration_ns,
           CASE WHEN count(p.energy_j) = count(*) THEN sum(p.energy_j) END AS energy_j,
           CASE WHEN count(p.idle_j) = count(*) THEN sum(p.idle_j) END AS idle_j,
           CASE WHEN count(p.spans_j) = count(*) THEN sum(p.spans_j) END AS spans_j,
           max(p.peak_w) AS peak_w, p.node IS NULL AS ordinal
    FROM phase_energy p
    JOIN rails r ON r.run = p.run AND r.id = p.rail AND r.parent IS NULL
    LEFT JOIN nodes n ON n.run = p.run AND n.id = p.node
    WHERE p.attribution = (SELECT max(a.id) FROM attributions a WHERE a.run = p.run)
    GROUP BY p.run, p.node
    UNION ALL
    SELECT s.run, '(rest)', NULL, NULL, NULL, NULL,
           (SELECT sum(v.self_j) FROM v_node_rails v WHERE v.run = s.run)
           - coalesce((SELECT sum(p.spans_j) FROM phase_energy p
                       JOIN rails r ON r.run = p.run AND r.id = p.rail AND r.parent IS NULL
                       WHERE p.run = s.run AND p.attribution = s.attribution), 0.0),
           NULL, 2
    FROM v_shown s WHERE s.attribution IS NOT NULL
)
ORDER BY run, ordinal, node;

-- Energy of each activation of a token's span, one row for each root rail.
CREATE VIEW v_token_rails AS
SELECT r.no AS run, t.token, e.span, n.phase, t.start_ns, t.end_ns - t.start_ns AS duration_ns,
       e.rail, e.energy_j, e.idle_j, e.spans_j
FROM runs r
CROSS JOIN span_energy e
     ON e.span BETWEEN (r.no << 40) AND (r.no << 40 | 1099511627775)
     AND e.attribution = (SELECT max(a.id) FROM attributions a WHERE a.run = r.no)
CROSS JOIN rails l ON l.run = r.no AND l.id = e.rail AND l.parent IS NULL
CROSS JOIN spans t ON t.id = e.span
CROSS JOIN nodes n ON n.run = r.no AND n.id = t.node AND n.token = n.id;

CREATE VIEW v_tokens AS
SELECT run, token, span, phase, start_ns, duration_ns, energy_j, idle_j,
       energy_j - idle_j AS active_j, spans_j
FROM (
    SELECT t.run, CAST(t.token AS TEXT) AS token, t.span,
           (SELECT p.label FROM nodes p WHERE p.run = t.run AND p.id = t.phase) AS phase,
           t.start_ns, t.duration_ns,
           CASE WHEN count(t.energy_j) = count(*) THEN sum(t.energy_j) END AS energy_j,
           CASE WHEN count(t.idle_j) = count(*) THEN sum(t.idle_j) END AS idle_j,
           CASE WHEN count(t.spans_j) = count(*) THEN sum(t.spans_j) END AS spans_j,
           0 AS ordinal
    FROM v_token_rails t GROUP BY t.run, t.span
    UNION ALL
    SELECT s.run, '(rest)', NULL, NULL, NULL, NULL, NULL, NULL,
           (SELECT sum(v.self_j) FROM v_node_rails v WHERE v.run = s.run)
           - (SELECT total(t.spans_j) FROM v_token_rails t WHERE t.run = s.run),
           1
    FROM v_shown s WHERE s.attribution IS NOT NULL
)
ORDER BY run, ordinal, span;

-- Energy by node: a row holds the topmost nodes of the view's role and all nodes below
-- them; `(rest)` holds every other node. `spans_j` is active energy including nodes below,
-- `self_j` excludes them; `energy_j` adds the idle share. `subtree_ns` is busy time of the
-- row, summed over threads.

-- Sections of each phase, by span name.
CREATE VIEW v_sections AS
SELECT run, section, phase, activations, self_ns, subtree_ns, self_j, spans_j, idle_j,
       spans_j + idle_j AS energy_j
FROM (
    SELECT v.run, coalesce(c.name, t.label) AS section,
           (SELECT p.label FROM nodes p WHERE p.run = v.run AND p.id = v.phase) AS phase,
           sum(CASE WHEN v.node = t.id THEN v.activations END) AS activations,
           sum(CASE WHEN v.node = t.id THEN v.self_ns END) AS self_ns,
           sum(v.self_ns) AS subtree_ns,
           sum(CASE WHEN v.node = t.id THEN v.self_j END) AS self_j,
           sum(v.self_j) AS spans_j,
           CASE WHEN count(v.idle_j) = count(*) THEN sum(v.idle_j) END AS idle_j,
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
           (SELECT CASE WHEN count(v.idle_j) = count(*) THEN sum(v.idle_j) END
            FROM v_node_rails v WHERE v.run = s.run AND v.section IS NULL), 1
    FROM v_shown s WHERE s.attribution IS NOT NULL
)
ORDER BY run, ordinal, phase, section;

-- Layers by label, all phases together.
CREATE VIEW v_layers AS
SELECT run, layer, phases, activations, self_ns, subtree_ns, self_j, spans_j, idle_j,
       spans_j + idle_j AS energy_j
FROM (
    SELECT v.run, t.label AS layer,
           count(DISTINCT v.phase) AS phases,
           sum(CASE WHEN v.node = t.id THEN v.activations END) AS activations,
           sum(CASE WHEN v.node = t.id THEN v.self_ns END) AS self_ns,
           sum(v.self_ns) AS subtree_ns,
           sum(CASE WHEN v.node = t.id THEN v.self_j END) AS self_j,
           sum(v.self_j) AS spans_j,
           CASE WHEN count(v.idle_j) = count(*) THEN sum(v.idle_j) END AS idle_j,
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
           (SELECT CASE WHEN count(v.idle_j) = count(*) THEN sum(v.idle_j) END
            FROM v_node_rails v WHERE v.run = s.run AND v.layer IS NULL), 1
    FROM v_shown s WHERE s.attribution IS NOT NULL
)
ORDER BY run, ordinal, length(layer), layer;

-- Components of each phase, by span name.
CREATE VIEW v_components AS
SELECT run, component, phase, activations, self_ns, subtree_ns, self_j, spans_j, idle_j,
       spans_j + idle_j AS energy_j
FROM (
    SELECT v.run, coalesce(c.name, t.label) AS component,
           (SELECT p.label FROM nodes p WHERE p.run = v.run AND p.id = v.phase) AS phase,
           sum(CASE WHEN v.node = t.id THEN v.activations END) AS activations,
           sum(CASE WHEN v.node = t.id THEN v.self_ns END) AS self_ns,
           sum(v.self_ns) AS subtree_ns,
           sum(CASE WHEN v.node = t.id THEN v.self_j END) AS self_j,
           sum(v.self_j) AS spans_j,
           CASE WHEN count(v.idle_j) = count(*) THEN sum(v.idle_j) END AS idle_j,
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
           (SELECT CASE WHEN count(v.idle_j) = count(*) THEN sum(v.idle_j) END
            FROM v_node_rails v WHERE v.run = s.run AND v.component IS NULL), 1
    FROM v_shown s WHERE s.attribution IS NOT NULL
)
ORDER BY run, ordinal, phase, component;

-- Operations of each phase, by span name.
CREATE VIEW v_operations AS
SELECT run, operation, phase, activations, self_ns, subtree_ns, self_j, spans_j, idle_j,
       spans_j + idle_j AS energy_j
FROM (
    SELECT v.run, coalesce(c.name, t.label) AS operation,
           (SELECT p.label FROM nodes p WHERE p.run = v.run AND p.id = v.phase) AS phase,
           sum(CASE WHEN v.node = t.id THEN v.activations END) AS activations,
           sum(CASE WHEN v.node = t.id THEN v.self_ns END) AS self_ns,
           sum(v.self_ns) AS subtree_ns,
           sum(CASE WHEN v.node = t.id THEN v.self_j END) AS self_j,
           sum(v.self_j) AS spans_j,
           CASE WHEN count(v.idle_j) = count(*) THEN sum(v.idle_j) END AS idle_j,
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
           (SELECT CASE WHEN count(v.idle_j) = count(*) THEN sum(v.idle_j) END
            FROM v_node_rails v WHERE v.run = s.run AND v.op IS NULL), 1
    FROM v_shown s WHERE s.attribution IS NOT NULL
)
ORDER BY run, ordinal, phase, operation;

-- Samples as power, with the phase that was active longest in each.
CREATE VIEW v_power AS
SELECT s.run, r.source, r.name AS rail, r.parent IS NULL AS root, s.start_ns, s.end_ns,
       s.energy_j, s.energy_j * 1e9 / nullif(s.end_ns - s.start_ns, 0) AS power_w,
       n.label AS phase
FROM samples s
JOIN rails r ON r.run = s.run AND r.id = s.rail
LEFT JOIN nodes n ON n.run = s.run AND n.id = s.phase;
