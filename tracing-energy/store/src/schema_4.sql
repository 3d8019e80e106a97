-- Version 4: several processes in one run.

-- Uuid of the parent run of a joined run, which is merged into it when the parent run ends.
-- A joined run is not listed by itself.
ALTER TABLE runs ADD COLUMN joins TEXT;

-- Processes recorded together with the run's own, which has no row.
CREATE TABLE processes (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    id INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    pid_start INTEGER,
    name TEXT,
    start_ns INTEGER NOT NULL, -- when it was first seen
    end_ns INTEGER, -- when it was last seen
    has_spans INTEGER NOT NULL CHECK (has_spans IN (0, 1)),
    PRIMARY KEY (run, id)
) WITHOUT ROWID;

-- Sensor metrics other than energies: `gpu_freq_mhz`, `gpu_idle_ratio`.
CREATE TABLE extras (
    run INTEGER NOT NULL,
    name TEXT NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (run, name, start_ns)
) WITHOUT ROWID;

-- NULL is the run's own process.
ALTER TABLE threads ADD COLUMN process INTEGER;

-- The scope 'child' is new: `thread` is then the id of a process.
CREATE TABLE cpu_4 (
    run INTEGER NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('thread', 'process', 'machine', 'sensor', 'child')),
    thread INTEGER NOT NULL, -- 0 where the scope is neither a thread nor a child
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    on_cpu_ns INTEGER NOT NULL,
    PRIMARY KEY (run, end_ns, scope, thread)
) WITHOUT ROWID;
INSERT INTO cpu_4 SELECT run, scope, thread, start_ns, end_ns, on_cpu_ns FROM cpu;
DROP TABLE cpu;
ALTER TABLE cpu_4 RENAME TO cpu;
