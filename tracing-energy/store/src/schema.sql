-- The tables of a recording file: one file holds many runs.
--
-- Units are in the names of columns: `_ns` nanoseconds, `_j` joules, `_w` watts. Times without
-- `unix` are run time: ns since the run's start, negative before it. NULL is "not known",
-- never zero. Ids are local to their run and start at 1; `run` is `runs.no`.
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
--
-- Order: runs; what was recorded (small tables, large tables); attributions (small tables, large
-- tables); calibrations; views.

-- Runs.

CREATE TABLE runs (
    no INTEGER PRIMARY KEY,         -- number of the run in this file
    uuid TEXT NOT NULL UNIQUE,      -- identifies the run in every file
    name TEXT,                      -- given by the user; need not be unique
    status TEXT NOT NULL CHECK (status IN ('running', 'complete', 'cancelled', 'crashed')),
    parent_run TEXT,                -- uuid of the run that this one is merged into when that ends;
                                    -- NULL: independent. Commands do not list joined runs
    start_unix_ns INTEGER NOT NULL, -- wall clock of run time zero, ns since 1970
    end_ns INTEGER,                 -- length of the run; NULL while it is recorded
    -- The recorder and the time it was last seen.
    version TEXT NOT NULL,          -- version of the recorder
    pid INTEGER NOT NULL,           -- process that records
    pid_start INTEGER,              -- its start in the system's own unit: ids of processes recur
    pid_space TEXT,                 -- space in which `pid` is unique; empty: it cannot be looked up
    boot_id TEXT,                   -- identifies this boot of the machine
    heartbeat_unix_ns INTEGER NOT NULL, -- wall clock of the latest flush, ns since 1970
    last_seen_ns INTEGER,           -- run time of the latest flush: cannot be set, counts no sleep
    lease TEXT,                     -- holder of the run: its recorder, or a claim to repair it
    lease_renewals INTEGER NOT NULL DEFAULT 0, -- flushes; a claim without a new one may close it
    -- The machine.
    host_id TEXT,                   -- identifies the machine: a hash; NULL: not known
    host TEXT,                      -- host name
    os TEXT,                        -- operating system and version
    chip TEXT,                      -- processor
    -- The work, as the program or the user describes it.
    model TEXT,                     -- name of the model
    prompt TEXT,
    response TEXT,
    engine TEXT,                    -- program that computes: `candle`, `llama.cpp`, `import`
    precision TEXT,                 -- number format of the weights: `q8_0`
    batch INTEGER,                  -- sequences processed together
    input_tokens INTEGER,           -- prompt tokens
    output_tokens INTEGER,          -- generated tokens, including the end of the sequence
    experiment TEXT,                -- experiment that the run belongs to
    config TEXT                     -- settings: a JSON object
);

CREATE TABLE run_tags (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,            -- empty: a tag without a value
    PRIMARY KEY (run, key)
) WITHOUT ROWID;

-- State of the machine at both ends of a run. Unknown conditions have no row, and a run whose
-- process died has none of its end.
CREATE TABLE conditions (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    time_point TEXT NOT NULL CHECK (time_point IN ('start', 'end')),
    key TEXT NOT NULL,              -- condition: `power`, `governor`
    value TEXT NOT NULL,
    PRIMARY KEY (run, time_point, key)
) WITHOUT ROWID;

-- Losses, gaps, restarts and warnings.
CREATE TABLE events (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    seq INTEGER NOT NULL,           -- order of writing
    time_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,             -- stable name: `gap`, `rows_dropped`
    count INTEGER NOT NULL,         -- number of occurrences
    message TEXT NOT NULL,          -- text for people
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;

-- Small tables of the recording.

-- Processes recorded together with the run's own, which has no row.
CREATE TABLE processes (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    id INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    pid_start INTEGER,              -- in the system's own unit
    name TEXT,                      -- of its executable
    start_ns INTEGER NOT NULL,      -- when it was first seen
    end_ns INTEGER,                 -- when it was last seen, or its recording ended
    has_spans INTEGER NOT NULL CHECK (has_spans IN (0, 1)), -- 1: it recorded spans
    PRIMARY KEY (run, id)
) WITHOUT ROWID;

-- Threads with spans, and the recorder's.
CREATE TABLE threads (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    id INTEGER NOT NULL,
    tid INTEGER NOT NULL,           -- of the operating system
    name TEXT,
    role TEXT NOT NULL CHECK (role IN ('program', 'profiler')),
    process INTEGER,                -- processes.id; NULL: the run's own
    PRIMARY KEY (run, id)
) WITHOUT ROWID;

-- Measured power supplies. A row may be written again during a run.
CREATE TABLE rails (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    id INTEGER NOT NULL,
    source TEXT NOT NULL,           -- driver that reads it: `rapl`
    name TEXT NOT NULL,             -- within the source: `package-0`
    parent INTEGER,                 -- rail that contains it: sum over rails without one only. A rail
                                    -- that is its own parent is not counted: it is implausible
    kind TEXT NOT NULL,             -- part of the machine: `cpu`, `gpu`, `dram`
    unit TEXT NOT NULL,             -- of the sensor: `uJ`
    interval_ns INTEGER NOT NULL,   -- requested time between samples
    kernel TEXT NOT NULL,           -- averaging window of the sensor: `box`
    provenance TEXT NOT NULL,       -- `measured`, `modelled` or `replayed`
    PRIMARY KEY (run, id)
) WITHOUT ROWID;

-- Idle power of rails.
CREATE TABLE baselines (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    rail INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,      -- of the idle time
    end_ns INTEGER NOT NULL,
    power_w REAL NOT NULL,          -- mean over whole samples, or configured
    samples INTEGER NOT NULL,       -- number of them; 0: configured
    spread_w REAL,                  -- standard deviation of their power; NULL: fewer than two. It
                                    -- bounds how far a run may be below its idle power by chance
    PRIMARY KEY (run, rail)
) WITHOUT ROWID;

-- Places in the source that create spans or events.
CREATE TABLE callsites (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    id INTEGER NOT NULL,
    name TEXT NOT NULL,             -- span name
    target TEXT NOT NULL,           -- module
    level TEXT NOT NULL,            -- `TRACE` to `ERROR`
    file TEXT,
    line INTEGER,
    domain TEXT NOT NULL,           -- processor of the work: `cpu`, `gpu`, `ane`
    role TEXT,                      -- role of its spans: `phase`, `layer`; NULL: none
    PRIMARY KEY (run, id)
) WITHOUT ROWID;

-- Call paths: the calling-context tree.
--
-- `phase` to `op`: the topmost node of that role on the path from the root to this node,
-- including itself. It determines the row of a view that a node's energy belongs to; nested
-- nodes of one role count once.
CREATE TABLE nodes (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    id INTEGER NOT NULL,            -- parents before children
    parent INTEGER,                 -- nodes.id; NULL: a root
    callsite INTEGER,               -- callsites.id; NULL: `(other)` and `(unknown)`
    label TEXT NOT NULL,            -- span name with the values of its key fields: `layer 3`
    depth INTEGER NOT NULL,         -- 0: a root
    phase INTEGER,
    section INTEGER,
    token INTEGER,
    layer INTEGER,
    component INTEGER,
    op INTEGER,
    kind TEXT,                      -- operation: the path of span names, `decode > layer > matmul`,
                                    -- or the name that the recording gives it
    PRIMARY KEY (run, id)
) WITHOUT ROWID;

-- Large tables of the recording.

-- Activations: one outermost enter..exit of a span on one thread.
CREATE TABLE spans (
    id INTEGER PRIMARY KEY,         -- run << 40 | seq; seq ascends with `start_ns`
    node INTEGER NOT NULL,
    instance INTEGER,               -- instances.id; NULL: the only activation of its instance
    parent INTEGER,                 -- activation it ran in: seq, not id
    thread INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,      -- entered
    end_ns INTEGER,                 -- left; NULL while open
    token INTEGER                   -- value of the field `token`
);

CREATE TABLE span_fields (
    span INTEGER PRIMARY KEY,       -- first activation of the instance that has the fields
    json TEXT NOT NULL              -- a JSON object
);

-- Created spans that were entered several times or never; others need no row.
CREATE TABLE instances (
    run INTEGER NOT NULL,
    id INTEGER NOT NULL,
    callsite INTEGER NOT NULL,
    parent INTEGER,                 -- instances.id
    created_ns INTEGER NOT NULL,    -- lower bound
    closed_ns INTEGER,              -- last handle dropped; NULL while there is one
    PRIMARY KEY (run, id)
) WITHOUT ROWID;

-- `follows_from` of spans.
CREATE TABLE links (
    run INTEGER NOT NULL,
    span INTEGER NOT NULL,
    follows INTEGER NOT NULL,       -- span that it follows from
    PRIMARY KEY (run, span, follows)
) WITHOUT ROWID;

-- Events of `tracing`.
CREATE TABLE span_events (
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,           -- order of writing
    time_ns INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    span INTEGER,                   -- activation it happened in
    callsite INTEGER NOT NULL,
    json TEXT NOT NULL,             -- its fields with `message`: a JSON object
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;

-- Readings of rails.
CREATE TABLE samples (
    run INTEGER NOT NULL,
    rail INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    energy_j REAL,                  -- NULL: the device reported none
    phase INTEGER,                  -- node active longest in it; set by attribution
    PRIMARY KEY (run, start_ns, rail)
) WITHOUT ROWID;

-- CPU time.
CREATE TABLE cpu (
    run INTEGER NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('thread', 'process', 'machine', 'sensor', 'child')),
    thread INTEGER NOT NULL,        -- threads.id; of a child processes.id; else 0
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    on_cpu_ns INTEGER NOT NULL,     -- summed over processors
    PRIMARY KEY (run, end_ns, scope, thread)
) WITHOUT ROWID;

-- Busy time of a rail's device (GPU, neural engine) by process, if the system reports it.
-- Engines that work at once count each.
CREATE TABLE device_use (
    run INTEGER NOT NULL,
    rail INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    own_ns INTEGER NOT NULL,        -- processes of the run
    other_processes_ns INTEGER NOT NULL, -- other processes
    unknown_ns INTEGER NOT NULL,    -- upper bound for processes that may not be read
    PRIMARY KEY (run, rail, start_ns)
) WITHOUT ROWID;

-- Sensor metrics other than energies.
CREATE TABLE sensor_metrics (
    run INTEGER NOT NULL,
    name TEXT NOT NULL,             -- with unit: `gpu_freq_mhz`, `gpu_idle_ratio`
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (run, name, start_ns)
) WITHOUT ROWID;

-- Totals of nodes, at levels of detail without a row for each activation.
CREATE TABLE node_windows (
    run INTEGER NOT NULL,
    node INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    self_ns INTEGER NOT NULL,       -- below zero: an earlier window counted too much
    activations INTEGER NOT NULL,   -- that ended in it
    PRIMARY KEY (run, start_ns, node, thread)
) WITHOUT ROWID;

-- Attributions. The views show the one with the highest id.
--
-- Accounts of a measured energy: measured = idle + spans + unattributed + other processes +
-- profiler + residual + unknown, where NULL counts as zero. In all tables `lo_j` to `hi_j` is a 90
-- % interval; NULL: no interval is known. `covered_ns` is the part of a time that samples cover,
-- and `extrapolated_j` the estimate for the remainder, which never changes a measured energy.

CREATE TABLE attributions (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    id INTEGER NOT NULL,
    method TEXT NOT NULL,           -- `proportional`, `fitted`, `calibrated`
    version INTEGER NOT NULL,       -- of the method
    params TEXT NOT NULL,           -- a JSON object
    clock_offset_ns REAL,           -- the power's clock is ahead of the spans' by this; an estimate
    diagnostics TEXT NOT NULL,      -- a JSON object
    created_unix_ns INTEGER NOT NULL,
    PRIMARY KEY (run, id)
) WITHOUT ROWID;

-- The accounts of a rail over the run.
CREATE TABLE balance (
    run INTEGER NOT NULL,
    attribution INTEGER NOT NULL,
    rail INTEGER NOT NULL,
    measured_j REAL NOT NULL,       -- read by the sensor
    idle_j REAL,                    -- baseline power x time
    spans_j REAL NOT NULL,          -- active energy of spans
    unattributed_j REAL,            -- this process while no span was active
    other_processes_j REAL,         -- other processes
    profiler_j REAL,                -- threads of the recorder, and the sensor's child process
    residual_j REAL NOT NULL,       -- not explained by the model; signed
    unknown_j REAL,                 -- work not assigned to a process; NULL: no such account
    extrapolated_j REAL NOT NULL,   -- for run time without samples; in no account
    duration_ns INTEGER,            -- time of the accounts: the run; in imports that of the files
    covered_ns INTEGER,
    lo_j REAL,                      -- of measured_j + extrapolated_j
    hi_j REAL,
    peak_w REAL,                    -- highest mean power of a sample
    peak_ns INTEGER,                -- middle of that sample
    PRIMARY KEY (run, attribution, rail),
    FOREIGN KEY (run, attribution) REFERENCES attributions(run, id) ON DELETE CASCADE
) WITHOUT ROWID;

-- Active energy of nodes.
CREATE TABLE node_energy (
    run INTEGER NOT NULL,
    attribution INTEGER NOT NULL,
    node INTEGER NOT NULL,
    rail INTEGER NOT NULL,
    self_j REAL NOT NULL,           -- without nodes below it
    lo_j REAL,                      -- of self_j
    hi_j REAL,
    inclusive_j REAL NOT NULL,      -- with all nodes below it
    idle_j REAL,                    -- its share of idle energy, without nodes below it
    self_ns INTEGER NOT NULL,       -- threads added
    covered_ns INTEGER,             -- of self_ns
    activations INTEGER NOT NULL,
    instances INTEGER NOT NULL,
    min_w REAL,                     -- lowest mean power in a window
    avg_w REAL,                     -- self_j over self_ns
    peak_w REAL,                    -- highest mean power in a window
    basis TEXT NOT NULL,            -- how it was determined: `proportional`, `fitted`
    PRIMARY KEY (run, attribution, node, rail),
    FOREIGN KEY (run, attribution) REFERENCES attributions(run, id) ON DELETE CASCADE
) WITHOUT ROWID;

-- Energy of the intervals of phases. `node` NULL is `(between)`: run time outside every phase.
CREATE TABLE phase_energy (
    run INTEGER NOT NULL,
    attribution INTEGER NOT NULL,
    node INTEGER,
    rail INTEGER NOT NULL,
    duration_ns INTEGER NOT NULL,   -- phases that overlap divide their time equally
    covered_ns INTEGER,
    energy_j REAL,                  -- measured
    extrapolated_j REAL,            -- NULL: the rail has no sample
    lo_j REAL,                      -- of energy_j + extrapolated_j
    hi_j REAL,
    gap_j REAL,                     -- half the interval of extrapolated_j, independent between phases
    edge_j REAL,                    -- that windows across its edges probably gave to its neighbours
    idle_j REAL,                    -- idle part of energy_j
    spans_j REAL,                   -- active energy of its spans
    peak_w REAL,                    -- highest mean power of a sample
    FOREIGN KEY (run, attribution) REFERENCES attributions(run, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX phase_energy_key
    ON phase_energy (run, attribution, coalesce(node, 0), rail);

-- Active self energy of one kind on one rail. Kinds of one `grouping` are indistinguishable: their
-- sum has its own interval in `kind_groups`. Written by estimating methods; the view `v_kinds` has
-- the energies of kinds for every method.
CREATE TABLE kind_energy (
    run INTEGER NOT NULL,
    attribution INTEGER NOT NULL,
    rail INTEGER NOT NULL,
    kind INTEGER NOT NULL,          -- number of the kind, as in `window_power`
    name TEXT NOT NULL,             -- nodes.kind
    self_j REAL NOT NULL,           -- inside samples
    lo_j REAL,                      -- of self_j
    hi_j REAL,
    extrapolated_j REAL NOT NULL,   -- for self time outside of samples; not in self_j
    self_ns INTEGER NOT NULL,       -- threads added
    covered_ns INTEGER,             -- of self_ns
    power_w REAL,                   -- the estimate before it is conserved; NULL: none was made
    basis TEXT NOT NULL,
    grouping INTEGER NOT NULL,      -- 0: none
    PRIMARY KEY (run, attribution, rail, kind),
    FOREIGN KEY (run, attribution) REFERENCES attributions(run, id) ON DELETE CASCADE
) WITHOUT ROWID;

-- Sums of indistinguishable kinds.
CREATE TABLE kind_groups (
    run INTEGER NOT NULL,
    attribution INTEGER NOT NULL,
    rail INTEGER NOT NULL,
    grouping INTEGER NOT NULL,
    self_j REAL NOT NULL,
    lo_j REAL,
    hi_j REAL,
    PRIMARY KEY (run, attribution, rail, grouping),
    FOREIGN KEY (run, attribution) REFERENCES attributions(run, id) ON DELETE CASCADE
) WITHOUT ROWID;

-- The estimate that later runs may start from. Blobs are little-endian f64.
CREATE TABLE kind_fits (
    run INTEGER NOT NULL,
    attribution INTEGER NOT NULL,
    rail INTEGER NOT NULL,
    kinds TEXT NOT NULL,            -- a JSON array of names
    ln_power BLOB NOT NULL,         -- of each kind: natural logarithm of its power in watts
    covariance BLOB NOT NULL,       -- of ln_power, row by row
    PRIMARY KEY (run, attribution, rail),
    FOREIGN KEY (run, attribution) REFERENCES attributions(run, id) ON DELETE CASCADE
) WITHOUT ROWID;

-- Large tables of attribution.

-- The accounts of a sample.
CREATE TABLE sample_balance (
    run INTEGER NOT NULL,
    attribution INTEGER NOT NULL,
    rail INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,      -- of its part inside the run
    end_ns INTEGER NOT NULL,
    measured_j REAL NOT NULL,
    idle_j REAL,
    spans_j REAL NOT NULL,
    unattributed_j REAL,
    other_processes_j REAL,
    profiler_j REAL,
    residual_j REAL NOT NULL,
    unknown_j REAL,
    phase INTEGER,                  -- node active longest in it
    PRIMARY KEY (run, attribution, start_ns, rail)
) WITHOUT ROWID;

-- Mean power of activations in a window. Rows with and without a kind add up.
CREATE TABLE window_power (
    run INTEGER NOT NULL,
    attribution INTEGER NOT NULL,
    rail INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    thread INTEGER NOT NULL,        -- 0: all threads
    kind INTEGER NOT NULL,          -- number of the kind whose self time has this power; 0: all
    power_w REAL NOT NULL,
    PRIMARY KEY (run, attribution, start_ns, thread, rail, kind)
) WITHOUT ROWID;

-- Energy of the intervals of single activations.
CREATE TABLE span_energy (
    span INTEGER NOT NULL,
    attribution INTEGER NOT NULL,
    rail INTEGER NOT NULL,
    covered_ns INTEGER,
    energy_j REAL,                  -- measured
    extrapolated_j REAL,
    lo_j REAL,                      -- of energy_j + extrapolated_j
    hi_j REAL,
    idle_j REAL,                    -- idle part of energy_j
    spans_j REAL,                   -- active energy of its spans
    peak_w REAL,                    -- highest mean power of a sample
    basis TEXT NOT NULL,
    PRIMARY KEY (span, attribution, rail)
) WITHOUT ROWID;

-- Calibrations: powers of kinds measured one at a time. They belong to no run.

-- The columns up to `source` are the conditions for which the powers are valid.
CREATE TABLE calibrations (
    id INTEGER PRIMARY KEY,
    created_unix_ns INTEGER NOT NULL,
    machine TEXT NOT NULL,          -- host name and processor
    model TEXT NOT NULL,            -- SHA-256 of its file
    precision TEXT NOT NULL,        -- number formats of the matrices
    threads INTEGER NOT NULL,       -- that compute
    device TEXT NOT NULL,           -- `cpu`, `cuda`, `metal`
    depth TEXT NOT NULL,            -- depth of the spans
    source TEXT NOT NULL,           -- power source
    details TEXT NOT NULL           -- a JSON object
);

CREATE TABLE calibration_kinds (
    calibration INTEGER NOT NULL REFERENCES calibrations(id) ON DELETE CASCADE,
    rail TEXT NOT NULL,             -- name within its source
    kind TEXT NOT NULL,             -- nodes.kind
    watts REAL NOT NULL,            -- active power while the kind runs
    relative_sd REAL NOT NULL,      -- standard deviation of watts, relative to it
    rounds INTEGER NOT NULL,        -- of measuring
    busy_ns INTEGER NOT NULL,       -- sampled time in which the kind ran
    PRIMARY KEY (calibration, rail, kind)
) WITHOUT ROWID;

-- Views. Energies are sums over root rails, of the attribution with the highest
-- id. A sum in which one part is not known is NULL. Columns are as in the tables.

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

-- Energies of every node, summed over rails; idle energy over those with known idle power, on
-- the others it is part of the active energy.
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

-- Active self energy of every operation, for every method.
CREATE VIEW v_kinds AS
SELECT v.run, n.kind, sum(v.self_j) AS self_j, sum(v.idle_j) AS idle_j,
       sum(v.self_ns) AS self_ns, sum(v.activations) AS activations,
       sum(v.instances) AS instances
FROM v_node_rails v
CROSS JOIN nodes n ON n.run = v.run AND n.id = v.node
GROUP BY v.run, n.kind;

-- Energies of intervals (runs, phases, tokens): `energy_j` is measured plus extrapolated, NULL
-- where samples of some root rail cover less than half of the time, or where that of some root
-- rail is not known; `idle_j` is of the same time. `coverage` is that of the least covered root
-- rail. Where `covered_ns` is NULL, nothing is extrapolated and `coverage` is not known. The same
-- rule is stated by `energy_data::interval_energy`; a test compares them.

-- Accounts from `spans_j` on, `measured_j` and `measured_idle_j` are of the sampled time.
CREATE VIEW v_runs AS
SELECT r.no AS run, r.uuid, r.name, r.status, r.start_unix_ns, r.end_ns / 1e9 AS duration_s,
       r.model, r.engine, r.precision, r.input_tokens, r.output_tokens, r.experiment,
       a.method,
       CASE WHEN b.known THEN b.measured_j + b.extrapolated_j END AS energy_j,
       CASE WHEN b.known THEN b.idle_j END AS idle_j,
       CASE WHEN b.known THEN b.active_j END AS active_j,
       b.spans_j, b.unattributed_j, b.other_processes_j, b.profiler_j, b.residual_j, b.unknown_j,
       b.extrapolated_j,
       b.measured_j, b.measured_idle_j, b.coverage,
       CASE WHEN b.known AND b.has_gap THEN b.lo_j END AS lo_j,
       CASE WHEN b.known AND b.has_gap THEN b.hi_j END AS hi_j
FROM runs r
LEFT JOIN attributions a
     ON a.run = r.no AND a.id = (SELECT max(l.id) FROM attributions l WHERE l.run = r.no)
LEFT JOIN (
    SELECT b.run, b.attribution, sum(b.measured_j) AS measured_j,
           coalesce(min(b.covered_ns * 1.0 / nullif(b.duration_ns, 0)), 1.0) >= 0.5 AS known,
           coalesce(max(b.covered_ns < b.duration_ns), 0) AS has_gap,
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
           CASE WHEN count(coalesce(b.unattributed_j, b.unknown_j)) = count(*)
                THEN sum(b.unattributed_j) END AS unattributed_j,
           sum(b.other_processes_j) AS other_processes_j,
           CASE WHEN count(coalesce(b.profiler_j, b.unknown_j)) = count(*)
                THEN sum(b.profiler_j) END AS profiler_j,
           sum(b.residual_j) AS residual_j, sum(b.unknown_j) AS unknown_j,
           sum(CASE WHEN b.covered_ns IS NULL THEN 0.0 ELSE b.extrapolated_j END)
               AS extrapolated_j,
           CASE WHEN count(b.covered_ns) = count(*)
                THEN min(b.covered_ns * 1.0 / nullif(b.duration_ns, 0)) END AS coverage,
           CASE WHEN count(b.lo_j) = count(*) THEN sum(b.lo_j) END AS lo_j,
           CASE WHEN count(b.hi_j) = count(*) THEN sum(b.hi_j) END AS hi_j
    FROM balance b JOIN rails l ON l.run = b.run AND l.id = b.rail AND l.parent IS NULL
    GROUP BY b.run, b.attribution
) b ON b.run = r.no AND b.attribution = a.id;

CREATE VIEW v_phase_rails AS
SELECT p.run, p.node, p.rail, p.duration_ns, p.spans_j, p.peak_w, p.energy_j AS measured_j,
       CASE WHEN p.covered_ns IS NULL THEN 0.0 ELSE p.extrapolated_j END AS extrapolated_j,
       CASE WHEN p.covered_ns < p.duration_ns
            THEN p.idle_j * p.duration_ns / nullif(p.covered_ns, 0) ELSE p.idle_j END AS idle_j,
       p.covered_ns * 1.0 / nullif(p.duration_ns, 0) AS coverage,
       coalesce(p.covered_ns < p.duration_ns, 0) AS has_gap, p.lo_j, p.hi_j
FROM phase_energy p
JOIN rails r ON r.run = p.run AND r.id = p.rail AND r.parent IS NULL
WHERE p.attribution = (SELECT max(a.id) FROM attributions a WHERE a.run = p.run);

-- Only spans of the role `phase` are phases; rows of other nodes are `(between)`. Phases and
-- `(between)` sum to the run's energy; with `(remainder)`, which has no time of its own, `spans_j`
-- sums to the run's spans. Rails have their peaks at different times: `peak_w` is known where there
-- is one root rail. As in `v_runs`, an energy has an interval where samples are missing.
CREATE VIEW v_phases AS
SELECT run, phase, node, duration_ns,
       CASE WHEN known THEN measured_j + extrapolated_j END AS energy_j,
       CASE WHEN known THEN idle_j END AS idle_j,
       CASE WHEN known THEN active_j END AS active_j,
       spans_j,
       CASE WHEN known THEN (measured_j + extrapolated_j) * 1e9 / nullif(duration_ns, 0) END
           AS power_w,
       CASE WHEN known AND (measured_j + extrapolated_j) * 1e9 / nullif(duration_ns, 0)
                 > peak_w + 1e-9 * abs(peak_w)
            THEN NULL ELSE peak_w END AS peak_w,
       measured_j, CASE WHEN known THEN extrapolated_j END AS extrapolated_j, coverage,
       CASE WHEN known AND has_gap THEN lo_j END AS lo_j,
       CASE WHEN known AND has_gap THEN hi_j END AS hi_j
FROM (
    SELECT p.run, coalesce(n.label, '(between)') AS phase, n.id AS node,
           sum(p.duration_ns) / count(DISTINCT p.rail) AS duration_ns,
           coalesce(min(p.coverage), 1.0) >= 0.5 AS known, max(p.has_gap) AS has_gap,
           CASE WHEN count(p.measured_j) = count(*) THEN sum(p.measured_j) END AS measured_j,
           CASE WHEN count(p.extrapolated_j) = count(*) THEN sum(p.extrapolated_j) END
               AS extrapolated_j,
           CASE WHEN count(p.idle_j) = count(*) THEN sum(p.idle_j) END AS idle_j,
           CASE WHEN count(p.measured_j + p.extrapolated_j - p.idle_j) = count(*)
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
    SELECT s.run, '(remainder)', NULL, NULL, 0, 0, NULL, NULL, NULL, NULL,
           (SELECT sum(v.self_j) FROM v_node_rails v WHERE v.run = s.run)
           - coalesce((SELECT sum(p.spans_j) FROM v_phase_rails p WHERE p.run = s.run), 0.0),
           NULL, NULL, NULL, NULL, 2
    FROM v_shown s WHERE s.attribution IS NOT NULL
)
ORDER BY run, ordinal, node;

-- Energy of each activation of a token's span, one row for each root rail.
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
           CASE WHEN count(t.measured_j + t.extrapolated_j - t.idle_j) = count(*)
                THEN sum(max(t.measured_j + t.extrapolated_j - t.idle_j, 0.0)) END AS active_j,
           CASE WHEN count(t.spans_j) = count(*) THEN sum(t.spans_j) END AS spans_j,
           CASE WHEN count(t.coverage) = count(*) THEN min(t.coverage) END AS coverage,
           0 AS ordinal
    FROM v_token_rails t GROUP BY t.run, t.span
    UNION ALL
    SELECT s.run, '(remainder)', NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL,
           (SELECT sum(v.self_j) FROM v_node_rails v WHERE v.run = s.run)
           - (SELECT total(t.spans_j) FROM v_token_rails t WHERE t.run = s.run),
           NULL, 1
    FROM v_shown s WHERE s.attribution IS NOT NULL
)
ORDER BY run, ordinal, span;

-- Energy by node: a row holds the topmost nodes of the view's role and all nodes below
-- them; `(remainder)` holds every other node. `spans_j` is active energy including nodes below,
-- `self_j` excludes them; `energy_j` adds the idle share. `subtree_ns` is busy time of the
-- row, summed over threads.

-- Sections of each phase, by span name.
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
    SELECT s.run, '(remainder)', NULL, NULL,
           (SELECT sum(v.self_ns) FROM v_node_rails v WHERE v.run = s.run AND v.section IS NULL),
           (SELECT sum(v.self_ns) FROM v_node_rails v WHERE v.run = s.run AND v.section IS NULL),
           (SELECT total(v.self_j) FROM v_node_rails v WHERE v.run = s.run AND v.section IS NULL),
           (SELECT total(v.self_j) FROM v_node_rails v WHERE v.run = s.run AND v.section IS NULL),
           (SELECT sum(v.idle_j)
            FROM v_node_rails v WHERE v.run = s.run AND v.section IS NULL), 1
    FROM v_shown s WHERE s.attribution IS NOT NULL
)
ORDER BY run, ordinal, phase, section;

-- Layers by label, all phases together.
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
    SELECT s.run, '(remainder)', NULL, NULL,
           (SELECT sum(v.self_ns) FROM v_node_rails v WHERE v.run = s.run AND v.layer IS NULL),
           (SELECT sum(v.self_ns) FROM v_node_rails v WHERE v.run = s.run AND v.layer IS NULL),
           (SELECT total(v.self_j) FROM v_node_rails v WHERE v.run = s.run AND v.layer IS NULL),
           (SELECT total(v.self_j) FROM v_node_rails v WHERE v.run = s.run AND v.layer IS NULL),
           (SELECT sum(v.idle_j)
            FROM v_node_rails v WHERE v.run = s.run AND v.layer IS NULL), 1
    FROM v_shown s WHERE s.attribution IS NOT NULL
)
ORDER BY run, ordinal, length(layer), layer;

-- Components of each phase, by span name.
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
    SELECT s.run, '(remainder)', NULL, NULL,
           (SELECT sum(v.self_ns) FROM v_node_rails v WHERE v.run = s.run AND v.component IS NULL),
           (SELECT sum(v.self_ns) FROM v_node_rails v WHERE v.run = s.run AND v.component IS NULL),
           (SELECT total(v.self_j) FROM v_node_rails v WHERE v.run = s.run AND v.component IS NULL),
           (SELECT total(v.self_j) FROM v_node_rails v WHERE v.run = s.run AND v.component IS NULL),
           (SELECT sum(v.idle_j)
            FROM v_node_rails v WHERE v.run = s.run AND v.component IS NULL), 1
    FROM v_shown s WHERE s.attribution IS NOT NULL
)
ORDER BY run, ordinal, phase, component;

-- Operations of each phase, by span name.
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
    SELECT s.run, '(remainder)', NULL, NULL,
           (SELECT sum(v.self_ns) FROM v_node_rails v WHERE v.run = s.run AND v.op IS NULL),
           (SELECT sum(v.self_ns) FROM v_node_rails v WHERE v.run = s.run AND v.op IS NULL),
           (SELECT total(v.self_j) FROM v_node_rails v WHERE v.run = s.run AND v.op IS NULL),
           (SELECT total(v.self_j) FROM v_node_rails v WHERE v.run = s.run AND v.op IS NULL),
           (SELECT sum(v.idle_j)
            FROM v_node_rails v WHERE v.run = s.run AND v.op IS NULL), 1
    FROM v_shown s WHERE s.attribution IS NOT NULL
)
ORDER BY run, ordinal, phase, operation;

-- Samples as power, with the phase that was active longest in each: spans of the role
-- `phase` only.
CREATE VIEW v_power AS
SELECT s.run, r.source, r.name AS rail, r.parent IS NULL AS root, s.start_ns, s.end_ns,
       s.energy_j, s.energy_j * 1e9 / nullif(s.end_ns - s.start_ns, 0) AS power_w,
       n.label AS phase
FROM samples s
JOIN rails r ON r.run = s.run AND r.id = s.rail
LEFT JOIN nodes n ON n.run = s.run AND n.id = s.phase AND EXISTS (
    SELECT 1 FROM callsites c
    WHERE c.run = n.run AND c.id = n.callsite AND c.role = 'phase');

-- Fractional numbers that a program reports for a span, in events whose target is
-- `span_metrics` or ends in `::span_metrics`. `span_event` is the event's `seq`, `metric` and
-- `value` are one of its numbers, `fields` holds all fields of the event.
CREATE VIEW span_metrics AS
SELECT m.run, m.seq AS span_event, m.time_ns, m.run << 40 | m.span AS span, s.node,
       (SELECT l.label FROM nodes l WHERE l.run = m.run AND l.id = n.layer) AS layer,
       (SELECT l.label FROM nodes l WHERE l.run = m.run AND l.id = n.component) AS component,
       json_extract(m.json, '$.head') AS head,
       f.key AS metric, f.value, m.json AS fields
FROM runs r
CROSS JOIN callsites c ON c.run = r.no
     AND (c.target = 'span_metrics' OR c.target LIKE '%::span\_metrics' ESCAPE '\')
CROSS JOIN span_events m ON m.run = r.no AND m.callsite = c.id
CROSS JOIN json_each(m.json) f ON f.type = 'real'
LEFT JOIN spans s ON s.id = m.run << 40 | m.span
LEFT JOIN nodes n ON n.run = m.run AND n.id = s.node;
