-- Version 3: conditions of a run.

-- Unknown conditions have no row. A run whose process died has none of its end.
CREATE TABLE conditions (
    run INTEGER NOT NULL REFERENCES runs(no) ON DELETE CASCADE,
    moment TEXT NOT NULL CHECK (moment IN ('start', 'end')),
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, moment, key)
) WITHOUT ROWID;
