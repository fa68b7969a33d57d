-- The log: what happened to a case, and what the invocations behind it were asked and answered.

CREATE TABLE events (
    case_id TEXT    NOT NULL REFERENCES cases (id),
    n       INTEGER NOT NULL CHECK (n > 0),
    at      TEXT    NOT NULL,
    body    TEXT    NOT NULL,
    PRIMARY KEY (case_id, n)
) STRICT;

CREATE TABLE journal (
    case_id  TEXT    NOT NULL REFERENCES cases (id),
    n        INTEGER NOT NULL,
    event    INTEGER NOT NULL,
    function TEXT    NOT NULL,
    body     BLOB    NOT NULL,
    usage    TEXT    NOT NULL,
    PRIMARY KEY (case_id, n)
) STRICT;

-- The read model: derived from the log, replaced with each commit.

CREATE TABLE cases (
    id            TEXT    PRIMARY KEY,
    region        TEXT    NOT NULL,
    matter        TEXT    NOT NULL,
    digest        TEXT    NOT NULL,
    subject       TEXT    NOT NULL,
    submitted_by  TEXT    NOT NULL,
    status        TEXT    NOT NULL,
    round         INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    next_reaction INTEGER,
    parked        INTEGER NOT NULL,
    registered_at TEXT    NOT NULL,
    ended_at      TEXT
) STRICT;
CREATE INDEX cases_to_react ON cases (id) WHERE next_reaction IS NOT NULL;
CREATE INDEX cases_by_subject ON cases (subject);
CREATE INDEX cases_by_caller ON cases (submitted_by, id);

CREATE TABLE tasks (
    case_id   TEXT    NOT NULL REFERENCES cases (id),
    step      TEXT    NOT NULL,
    function  TEXT    NOT NULL,
    region    TEXT    NOT NULL,
    role      TEXT    NOT NULL,
    status    TEXT    NOT NULL,
    version   INTEGER NOT NULL,
    round     INTEGER NOT NULL,
    opened_at TEXT    NOT NULL,
    PRIMARY KEY (case_id, step)
) STRICT;
CREATE INDEX tasks_by_office ON tasks (function, region, case_id, step);

-- Work to do outside the case.

CREATE TABLE effects (
    ticket      TEXT    PRIMARY KEY,
    case_id     TEXT    NOT NULL REFERENCES cases (id),
    event       INTEGER NOT NULL,
    intent      TEXT    NOT NULL,
    status      TEXT    NOT NULL CHECK (status IN ('pending', 'done', 'refused')),
    -- Milliseconds since 1970 in UTC: until then nobody else takes it up.
    lease_until INTEGER NOT NULL DEFAULT 0,
    attempts    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX effects_by_case ON effects (case_id, event);
CREATE INDEX effects_pending ON effects (attempts, case_id) WHERE status = 'pending';

CREATE TABLE effect_prerequisites (
    ticket       TEXT NOT NULL REFERENCES effects (ticket),
    prerequisite TEXT NOT NULL REFERENCES effects (ticket),
    PRIMARY KEY (ticket, prerequisite)
) STRICT;

-- Rules across cases.

CREATE TABLE unique_keys (
    key     TEXT PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id)
) STRICT;
CREATE INDEX unique_keys_by_case ON unique_keys (case_id);

CREATE TABLE idempotency (
    caller         TEXT NOT NULL,
    key            TEXT NOT NULL,
    request_sha256 TEXT NOT NULL,
    case_id        TEXT NOT NULL REFERENCES cases (id),
    PRIMARY KEY (caller, key)
) STRICT;

CREATE TABLE counters (
    name  TEXT    PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;

-- Bytes that are kept exactly.

CREATE TABLE materials (
    sha256     TEXT    PRIMARY KEY,
    media_type TEXT    NOT NULL,
    size       INTEGER NOT NULL,
    stored_at  TEXT    NOT NULL,
    bytes      BLOB    NOT NULL
) STRICT;

CREATE TABLE documents (
    case_id TEXT    NOT NULL REFERENCES cases (id),
    name    TEXT    NOT NULL,
    event   INTEGER NOT NULL,
    sha256  TEXT    NOT NULL,
    seals   TEXT    NOT NULL,
    bytes   BLOB    NOT NULL,
    PRIMARY KEY (case_id, name, event)
) STRICT;
