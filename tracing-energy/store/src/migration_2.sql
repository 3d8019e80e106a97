-- Version 2: experiments.

-- Plans of runs with several configurations. What all runs have in common is stored here once.
CREATE TABLE experiments (
    id TEXT PRIMARY KEY,            -- identifies the experiment in every file: a UUID
    name TEXT NOT NULL,             -- given by the user; need not be unique
    created_unix_ns INTEGER NOT NULL, -- wall clock, ns since 1970
    plan TEXT NOT NULL              -- factors, common options and prompt: a JSON object
) WITHOUT ROWID;

-- Planned and executed runs of experiments. They refer to runs by uuid: a deleted run leaves its
-- trial, and a trial has the id of its run before that is in the file.
CREATE TABLE trials (
    experiment TEXT NOT NULL REFERENCES experiments(id) ON DELETE CASCADE,
    no INTEGER NOT NULL,            -- number within the experiment, from 1
    round INTEGER NOT NULL,         -- number within the configuration, from 1
    configuration TEXT NOT NULL,    -- values that distinguish it; empty: the only one
    config TEXT NOT NULL,           -- values of all factors: a JSON object
    position INTEGER NOT NULL,      -- order of execution, from 1
    status TEXT NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'running', 'complete', 'failed', 'replaced')),
    run_uuid TEXT,                  -- runs.uuid; NULL: not started
    start_unix_ns INTEGER,          -- wall clock of the latest start of its process
    duration_ns INTEGER,            -- of its process; NULL: not ended
    error TEXT,                     -- why it failed
    warning TEXT,                   -- conditions that affect its energy
    PRIMARY KEY (experiment, no)
) WITHOUT ROWID;

CREATE INDEX trials_run ON trials(run_uuid);

-- Trials with the numbers of their runs; `run` is NULL if the run is not in the file.
CREATE VIEW v_trials AS
SELECT t.experiment, e.name, t.no, t.round, t.configuration, t.config, t.position, t.status,
       r.no AS run, t.run_uuid, t.start_unix_ns, t.duration_ns, t.error, t.warning
FROM trials t JOIN experiments e ON e.id = t.experiment
LEFT JOIN runs r ON r.uuid = t.run_uuid;
