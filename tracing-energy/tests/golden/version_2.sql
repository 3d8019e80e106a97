-- A recording as version 2 of the tables held it, dumped: it never changes.
-- Tables stand in the order of their names: those they refer to may come later.
PRAGMA foreign_keys = OFF;
PRAGMA application_id = 0x5452454e;
PRAGMA user_version = 2;
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
INSERT INTO "attributions" VALUES(1,1,'proportional',1,'{}',NULL,'{"baseline_above_run":[],"folded_phase_sets":0,"folded_segments":0,"from_totals":false,"late_records":0,"late_samples":0,"samples_of_unknown_rails":0,"unbalanced_windows":0,"unmatched_closings":0,"unmeasured_windows":0,"windows":3,"windows_without_cpu_times":0,"worst_imbalance":1.4798042460652783e-16}',1795584707072787632);
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
INSERT INTO "balance" VALUES(1,1,1,4.05714829172171320692e+00,1.34135841,9.58460849676382158762e-04,3.04260558400356659163e-08,2.70678278786905135433e+00,8.04860257693018436853e-03,-8.88178419700125232338e-16,3.66454665164530901666e-02,1.54989336233118795154e+01,236606103);
CREATE TABLE baselines (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    rail INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    power_w REAL NOT NULL,
    samples INTEGER NOT NULL, -- 0: configured
    PRIMARY KEY (run, rail)
) WITHOUT ROWID;
INSERT INTO "baselines" VALUES(1,1,0,0,5.0,0);
CREATE TABLE calibration_kinds (
    calibration INTEGER NOT NULL REFERENCES calibrations(id) ON DELETE CASCADE,
    rail TEXT NOT NULL,
    kind TEXT NOT NULL,
    watts REAL NOT NULL, -- active power while the kind runs
    relative_sd REAL NOT NULL,
    rounds INTEGER NOT NULL,
    busy_ns INTEGER NOT NULL,
    PRIMARY KEY (calibration, rail, kind)
) WITHOUT ROWID;
CREATE TABLE calibrations (
    id INTEGER PRIMARY KEY,
    created_unix_ns INTEGER NOT NULL,
    machine TEXT NOT NULL,
    model TEXT NOT NULL,
    precision TEXT NOT NULL,
    threads INTEGER NOT NULL,
    device TEXT NOT NULL,
    depth TEXT NOT NULL,
    source TEXT NOT NULL,
    details TEXT NOT NULL -- a JSON object
);
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
INSERT INTO "callsites" VALUES(1,1,'inference','tmp_v2','INFO','tracing-energy/examples/tmp_v2.rs',7,'cpu','run');
INSERT INTO "callsites" VALUES(1,2,'token','tmp_v2','INFO','tracing-energy/examples/tmp_v2.rs',8,'cpu','token');
CREATE TABLE cpu (
    run INTEGER NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('thread', 'process', 'machine', 'sensor')),
    thread INTEGER NOT NULL, -- 0 where the scope is no thread
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    on_cpu_ns INTEGER NOT NULL,
    PRIMARY KEY (run, end_ns, scope, thread)
) WITHOUT ROWID;
INSERT INTO "cpu" VALUES(1,'process',0,294236,54287368,360494);
INSERT INTO "cpu" VALUES(1,'thread',1,294236,54287368,111496);
INSERT INTO "cpu" VALUES(1,'thread',2,294236,54287368,0);
INSERT INTO "cpu" VALUES(1,'thread',3,353127,54287368,4987);
INSERT INTO "cpu" VALUES(1,'thread',4,294236,54287368,198965);
INSERT INTO "cpu" VALUES(1,'machine',0,294236,104604564,210000000);
INSERT INTO "cpu" VALUES(1,'process',0,54287368,104604564,360335);
INSERT INTO "cpu" VALUES(1,'thread',1,54287368,104604564,192325);
INSERT INTO "cpu" VALUES(1,'thread',2,54287368,104604564,0);
INSERT INTO "cpu" VALUES(1,'thread',3,54287368,104604564,35162);
INSERT INTO "cpu" VALUES(1,'thread',4,54287368,104604564,132567);
INSERT INTO "cpu" VALUES(1,'process',0,104604564,158271431,166607);
INSERT INTO "cpu" VALUES(1,'thread',1,104604564,158271431,127279);
INSERT INTO "cpu" VALUES(1,'thread',2,104604564,158271431,0);
INSERT INTO "cpu" VALUES(1,'thread',3,104604564,158271431,0);
INSERT INTO "cpu" VALUES(1,'thread',4,104604564,158271431,42062);
INSERT INTO "cpu" VALUES(1,'machine',0,294236,208536180,420000000);
INSERT INTO "cpu" VALUES(1,'process',0,158271431,208536180,369446);
INSERT INTO "cpu" VALUES(1,'thread',1,158271431,208536180,209070);
INSERT INTO "cpu" VALUES(1,'thread',2,158271431,208536180,0);
INSERT INTO "cpu" VALUES(1,'thread',3,158271431,208536180,41040);
INSERT INTO "cpu" VALUES(1,'thread',4,158271431,208536180,120208);
INSERT INTO "cpu" VALUES(1,'process',0,208536180,258767730,182060);
INSERT INTO "cpu" VALUES(1,'thread',1,208536180,258767730,139287);
INSERT INTO "cpu" VALUES(1,'thread',2,208536180,258767730,0);
INSERT INTO "cpu" VALUES(1,'thread',3,208536180,258767730,0);
INSERT INTO "cpu" VALUES(1,'thread',4,208536180,258767730,42723);
INSERT INTO "cpu" VALUES(1,'process',0,258767730,302780722,1397805);
INSERT INTO "cpu" VALUES(1,'thread',1,258767730,302780722,159576);
INSERT INTO "cpu" VALUES(1,'thread',2,258767730,302780722,922109);
INSERT INTO "cpu" VALUES(1,'thread',3,258767730,302780722,75071);
INSERT INTO "cpu" VALUES(1,'process',0,302780722,302862012,52588);
INSERT INTO "cpu" VALUES(1,'thread',1,302780722,302862012,50074);
INSERT INTO "cpu" VALUES(1,'thread',2,302780722,302862012,0);
INSERT INTO "cpu" VALUES(1,'thread',3,302780722,302862012,0);
CREATE TABLE events (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    time_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    count INTEGER NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;
INSERT INTO "events" VALUES(1,1,0,'source_limit',1,'modelled from CPU time, not measured: 5 W idle, 15 W with all 2 processors busy');
CREATE TABLE instances (
    run INTEGER NOT NULL,
    id INTEGER NOT NULL,
    callsite INTEGER NOT NULL,
    parent INTEGER,
    created_ns INTEGER NOT NULL,
    closed_ns INTEGER,
    PRIMARY KEY (run, id)
) WITHOUT ROWID;
CREATE TABLE kind_energy (
    run INTEGER NOT NULL,
    attribution INTEGER NOT NULL,
    rail INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    self_j REAL NOT NULL,
    lo_j REAL,
    hi_j REAL,
    extrapolated_j REAL NOT NULL,
    self_ns INTEGER NOT NULL,
    power_w REAL, -- the estimate before it is conserved; NULL: none was made
    basis TEXT NOT NULL,
    grouping INTEGER NOT NULL,
    PRIMARY KEY (run, attribution, rail, kind),
    FOREIGN KEY (run, attribution) REFERENCES attributions(run, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE kind_fits (
    run INTEGER NOT NULL,
    attribution INTEGER NOT NULL,
    rail INTEGER NOT NULL,
    kinds TEXT NOT NULL,
    ln_power BLOB NOT NULL,
    covariance BLOB NOT NULL,
    PRIMARY KEY (run, attribution, rail),
    FOREIGN KEY (run, attribution) REFERENCES attributions(run, id) ON DELETE CASCADE
) WITHOUT ROWID;
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
INSERT INTO "node_energy" VALUES(1,1,1,1,6.01771715712926557164e-08,NULL,NULL,9.58460849676382158762e-04,9.6695e-05,19339,1,1,NULL,3.46942470863607129588e-03,NULL,'modelled');
INSERT INTO "node_energy" VALUES(1,1,2,1,9.58400672504810830637e-04,NULL,NULL,9.58400672504810830637e-04,1.351564520000000158e+00,270312904,3,3,2.30940873075286207463e-03,3.57281753604125939041e-03,0.00470045664144236,'modelled');
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
    op INTEGER, kind TEXT,
    PRIMARY KEY (run, id)
) WITHOUT ROWID;
INSERT INTO "nodes" VALUES(1,1,NULL,1,'inference',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "nodes" VALUES(1,2,1,2,'token',1,NULL,NULL,2,NULL,NULL,NULL,NULL);
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
INSERT INTO "phase_energy" VALUES(1,1,NULL,1,0,NULL,NULL,NULL,NULL);
INSERT INTO "phase_energy" VALUES(1,1,1,1,270332243,4.05704796712437,1.341326045,9.58460849676382158762e-04,1.54989336233118795154e+01);
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
INSERT INTO "rails" VALUES(1,1,'modelled','modelled',NULL,'package','W',100000000,'box','modelled');
CREATE TABLE run_tags (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, key)
) WITHOUT ROWID;
INSERT INTO "run_tags" VALUES(1,'group','old');
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
INSERT INTO "runs" VALUES(1,'7ba27f6e-159f-426b-8121-3c595ac48c13','from version 2','complete',27348,1228512,NULL,1795584707116831911,1795584706813893445,270694798,'vm','Linux','AMD EPYC','0.1.0',NULL,'a question',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
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
INSERT INTO "sample_balance" VALUES(1,1,1,2423116,102523086,1.50049985,0.50049985,4.07098652249051208128e-04,0.0,9.96567480952380901904e-01,3.02542039537004705043e-03,-2.22044604925031308084e-16,1);
INSERT INTO "sample_balance" VALUES(1,1,1,102523086,202517409,1.499971615,0.499971615,2.30927762561921722656e-04,0.0,9.96567480952380901904e-01,3.20159128505717637327e-03,0.0,1);
INSERT INTO "sample_balance" VALUES(1,1,1,202517409,270694798,1.05667682672171370228e+00,3.40886945000000052274e-01,3.20434434865409227977e-04,3.04260558400356659163e-08,7.13647825964289439504e-01,1.82159089650296137849e-03,0.0,1);
CREATE TABLE samples (
    run INTEGER NOT NULL,
    rail INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    energy_j REAL,
    phase INTEGER, -- node; set by attribution
    PRIMARY KEY (run, start_ns, rail)
) WITHOUT ROWID;
INSERT INTO "samples" VALUES(1,1,2423116,102523086,1.50049985,1);
INSERT INTO "samples" VALUES(1,1,102523086,202517409,1.499971615,1);
INSERT INTO "samples" VALUES(1,1,202517409,302527566,1.550050785,1);
INSERT INTO "samples" VALUES(1,1,302527566,302622567,4.75004999999999969351e-04,NULL);
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
INSERT INTO "span_energy" VALUES(1099511627777,1,1,4.05704796712437,1.341326045,9.58460849676382158762e-04,NULL,NULL,1.54989336233118795154e+01,'modelled');
INSERT INTO "span_energy" VALUES(1099511627778,1,1,1.31968334303071466173e+00,0.440187525,3.58041562178980799641e-04,NULL,NULL,1.49900129840198754744e+01,'modelled');
INSERT INTO "span_energy" VALUES(1099511627779,1,1,1.35159927810339786091e+00,0.450558455,2.29292985900201673563e-04,NULL,NULL,1.50005677322301593794e+01,'modelled');
INSERT INTO "span_energy" VALUES(1099511627780,1,1,1.38550346949249014727e+00,0.45049334,3.71066124425628465852e-04,NULL,NULL,1.54989336233118795154e+01,'modelled');
CREATE TABLE span_fields (
    span INTEGER PRIMARY KEY,
    json TEXT NOT NULL
);
INSERT INTO "span_fields" VALUES(1099511627778,'{"text":"x"}');
INSERT INTO "span_fields" VALUES(1099511627779,'{"text":"x"}');
INSERT INTO "span_fields" VALUES(1099511627780,'{"text":"x"}');
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
INSERT INTO "spans" VALUES(1099511627777,1,NULL,NULL,3,356082,270688325,NULL);
INSERT INTO "spans" VALUES(1099511627778,2,NULL,1,3,358076,90460621,0);
INSERT INTO "spans" VALUES(1099511627779,2,NULL,1,3,90467260,180578951,1);
INSERT INTO "spans" VALUES(1099511627780,2,NULL,1,3,180586122,270684790,2);
CREATE TABLE threads (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    id INTEGER NOT NULL,
    tid INTEGER NOT NULL,
    name TEXT,
    role TEXT NOT NULL CHECK (role IN ('program', 'profiler')),
    PRIMARY KEY (run, id)
) WITHOUT ROWID;
INSERT INTO "threads" VALUES(1,1,27840,'energy-collect','profiler');
INSERT INTO "threads" VALUES(1,2,27839,'energy-write','profiler');
INSERT INTO "threads" VALUES(1,3,27348,'main','program');
INSERT INTO "threads" VALUES(1,4,27838,'energy-power','profiler');
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
INSERT INTO "window_power" VALUES(1,1,1,2423116,102523086,3,0,4.06692082174501395863e-03);
INSERT INTO "window_power" VALUES(1,1,1,102523086,202517409,3,0,2.30940873075286207463e-03);
INSERT INTO "window_power" VALUES(1,1,1,202517409,270694798,3,0,0.00470045664144236);
CREATE UNIQUE INDEX phase_energy_key
    ON phase_energy (run, attribution, coalesce(node, 0), rail);
CREATE VIEW v_shown AS
SELECT r.no AS run, (SELECT max(a.id) FROM attributions a WHERE a.run = r.no) AS attribution,
       r.no << 40 AS first_span, r.no << 40 | 1099511627775 AS last_span
FROM runs r;
CREATE VIEW activations AS
SELECT s.id, s.id >> 40 AS run, s.id & 1099511627775 AS seq, s.node, s.instance,
       CASE WHEN s.parent IS NOT NULL THEN (s.id >> 40 << 40) | s.parent END AS parent,
       s.thread, s.start_ns, s.end_ns, s.end_ns - s.start_ns AS duration_ns, s.token
FROM spans s;
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
CREATE VIEW v_power AS
SELECT s.run, r.source, r.name AS rail, r.parent IS NULL AS root, s.start_ns, s.end_ns,
       s.energy_j, s.energy_j * 1e9 / nullif(s.end_ns - s.start_ns, 0) AS power_w,
       n.label AS phase
FROM samples s
JOIN rails r ON r.run = s.run AND r.id = s.rail
LEFT JOIN nodes n ON n.run = s.run AND n.id = s.phase;
