-- Version 3: packs of runs, sent to folders and object stores.

-- Places that packs are sent to.
CREATE TABLE destinations (
    id INTEGER PRIMARY KEY,
    root TEXT NOT NULL UNIQUE,      -- absolute path of a folder, or a URL
    created_unix_ns INTEGER NOT NULL, -- wall clock, ns since 1970
    every_run INTEGER NOT NULL CHECK (every_run IN (0, 1)), -- 1: it receives all runs of the file
    forgotten INTEGER NOT NULL CHECK (forgotten IN (0, 1)) -- 1: it expects no run
);

-- Packs: buckets of time of one attribution of a run. They refer to runs by uuid: packs of a deleted
-- run that are planned can still be sent.
CREATE TABLE shipments (
    destination INTEGER NOT NULL REFERENCES destinations(id) ON DELETE CASCADE,
    run_uuid TEXT NOT NULL,
    attribution INTEGER NOT NULL,   -- attributions.id
    bucket INTEGER NOT NULL,        -- number within the attribution, from 0
    start_ns INTEGER NOT NULL,      -- run time
    end_ns INTEGER NOT NULL,
    final INTEGER NOT NULL CHECK (final IN (0, 1)), -- 1: the run ends with it
    status TEXT NOT NULL CHECK (status IN ('planned', 'sent')),
    plan TEXT,                      -- what its objects are written from: a JSON object; NULL: not
                                    -- needed any more
    sha256 TEXT,                    -- of its manifest; NULL: not sent
    UNIQUE (destination, run_uuid, attribution, bucket)
);
