-- Bytes by what they are, in chunks: a file is written and read without ever being whole in memory.

CREATE TABLE blobs (
    sha256     TEXT    PRIMARY KEY,
    -- Under which its chunks lie: what a file is called is known only when it is whole.
    upload     INTEGER NOT NULL UNIQUE,
    media_type TEXT    NOT NULL,
    size       INTEGER NOT NULL,
    stored_at  TEXT    NOT NULL
) STRICT;

CREATE TABLE blob_chunks (
    upload INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    bytes  BLOB    NOT NULL,
    PRIMARY KEY (upload, n)
) STRICT;

-- Uploads under way, and those that were given up.
CREATE TABLE uploads (
    n          INTEGER PRIMARY KEY,
    started_at TEXT    NOT NULL
) STRICT;

-- Every bundle that was ever deployed, and the log of what was put in force when.

CREATE TABLE bundles (
    digest      TEXT PRIMARY KEY REFERENCES blobs (sha256),
    matter      TEXT NOT NULL,
    version     TEXT NOT NULL,
    -- The law that it implements: first day, and the day before which it ends.
    since       TEXT NOT NULL,
    until       TEXT,
    deployed_at TEXT NOT NULL,
    deployed_by TEXT NOT NULL
) STRICT;

CREATE TABLE activations (
    n        INTEGER PRIMARY KEY,
    matter   TEXT    NOT NULL,
    digest   TEXT    NOT NULL REFERENCES bundles (digest),
    -- The first legal date that it is taken for.
    from_day TEXT    NOT NULL,
    at       TEXT    NOT NULL,
    by       TEXT    NOT NULL,
    -- The activation that this one takes back.
    cancels  INTEGER UNIQUE REFERENCES activations (n)
) STRICT;
CREATE INDEX activations_by_matter ON activations (matter, n);
CREATE INDEX cases_open_by_digest ON cases (digest) WHERE ended_at IS NULL;

CREATE TRIGGER activations_are_kept BEFORE UPDATE ON activations
BEGIN SELECT RAISE(ABORT, 'activations are never changed'); END;
CREATE TRIGGER activations_stay BEFORE DELETE ON activations
BEGIN SELECT RAISE(ABORT, 'activations are never deleted'); END;
