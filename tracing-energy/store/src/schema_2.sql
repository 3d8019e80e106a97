-- Version 2: estimates of kinds, and calibrations.

-- A node's kind where it is not the path without the values of key fields, as
-- in recordings of other programs that name kinds themselves. NULL: the path.
ALTER TABLE nodes ADD COLUMN kind TEXT;

-- Active self energy of one kind on one rail. `kind` is the number in `window_power.kind`.
-- Kinds of one `grouping` (0: none) are indistinguishable, and their sum has its own
-- interval in `kind_groups`. `self_j` is the measured part with the 90 % interval `lo_j` to
-- `hi_j`; `extrapolated_j`, for self time outside of samples, is not included.
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

-- The estimate that later runs may start from: ln of the power of each kind, in
-- the order of `kinds` (a JSON array of names), and its covariance, row by row.
-- Both are little-endian f64.
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

-- Powers of kinds measured one at a time. The key columns are the conditions for which they
-- are valid.
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
