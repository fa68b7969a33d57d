-- Whose database it is. A program of schema K reads a newer version where `min_reader` is at most K.

CREATE TABLE onething_schema (
    product    TEXT    PRIMARY KEY,
    version    INTEGER NOT NULL,
    min_reader INTEGER NOT NULL
) STRICT;

-- What is closed below is closed under the key of its scope: `host`, `case/<id>`, `subject/<tag>` and
-- `material/<sha256>`. Keys are wrapped with a master key, which is not here.

CREATE TABLE data_keys (
    scope   TEXT PRIMARY KEY,
    master  TEXT NOT NULL,
    wrapped BLOB NOT NULL
) STRICT;
CREATE INDEX data_keys_by_master ON data_keys (master, scope);

-- What was erased, when, by whom and why.

CREATE TABLE erasures (
    scope  TEXT NOT NULL,
    at     TEXT NOT NULL,
    by     TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- The host's MAC over the other columns.
    seal   BLOB NOT NULL,
    PRIMARY KEY (scope, at)
) STRICT;

-- The read model of a case: derived from its log, replaced with each commit.

CREATE TABLE cases (
    id            TEXT    PRIMARY KEY,
    region        TEXT    NOT NULL,
    matter        TEXT    NOT NULL,
    digest        TEXT    NOT NULL,
    -- A tag to find it by, gone when the case is erased, and the identifier itself, closed.
    subject        BLOB,
    subject_closed BLOB NOT NULL,
    submitted_by  TEXT    NOT NULL,
    status        TEXT    NOT NULL,
    round         INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    next_reaction INTEGER,
    -- Milliseconds since 1970 in UTC, as every `due` and `lease`: until then the reaction is nobody else's.
    react_due     INTEGER NOT NULL,
    parked        INTEGER NOT NULL,
    registered_at TEXT    NOT NULL,
    ended_at      TEXT,
    -- The hash of the last event, and the host's MAC over the case, its version and this hash.
    head          BLOB NOT NULL,
    head_seal     BLOB NOT NULL,
    erased_at     TEXT
) STRICT;
CREATE INDEX cases_to_react ON cases (react_due, id) WHERE next_reaction IS NOT NULL AND parked = 0;
CREATE INDEX cases_parked ON cases (id) WHERE parked = 1;
CREATE INDEX cases_by_subject ON cases (subject, id);
CREATE INDEX cases_by_caller ON cases (submitted_by, id);
CREATE INDEX cases_by_status ON cases (status, id);
CREATE INDEX cases_by_matter ON cases (matter, id);
CREATE INDEX cases_by_region ON cases (region, id);

-- The log: what happened to a case, and what the invocations behind it were asked and answered.

CREATE TABLE events (
    case_id TEXT    NOT NULL REFERENCES cases (id),
    n       INTEGER NOT NULL CHECK (n > 0),
    at      TEXT    NOT NULL,
    -- Of the body before it was closed.
    format  INTEGER NOT NULL,
    body    BLOB NOT NULL,
    -- Of the hash before, the other columns and the closed body.
    hash    BLOB NOT NULL,
    PRIMARY KEY (case_id, n)
) STRICT;
CREATE TRIGGER events_stay BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'an event is never changed'); END;
CREATE TRIGGER events_are_kept BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'an event is never deleted'); END;

CREATE TABLE journal (
    case_id  TEXT    NOT NULL REFERENCES cases (id),
    n        INTEGER NOT NULL,
    event    INTEGER NOT NULL,
    function TEXT    NOT NULL,
    body     BLOB    NOT NULL,
    usage    TEXT    NOT NULL,
    PRIMARY KEY (case_id, n)
) STRICT;

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
    -- A public notice (公示): what is published, closed, until when, and whether somebody objected.
    notice    BLOB,
    due       TEXT,
    objected  INTEGER NOT NULL,
    PRIMARY KEY (case_id, step)
) STRICT;
CREATE INDEX tasks_by_office ON tasks (function, region, case_id, step);
CREATE INDEX tasks_published ON tasks (case_id, step) WHERE notice IS NOT NULL;

-- What a case is counted by: the elements that its manifest names.

CREATE TABLE case_groups (
    case_id TEXT NOT NULL REFERENCES cases (id),
    name    TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (case_id, name)
) STRICT;
CREATE INDEX case_groups_by_value ON case_groups (name, value);

-- When a case is to be woken. Without `due` the calendar of a year on the way is not published yet.

CREATE TABLE timers (
    case_id TEXT    NOT NULL REFERENCES cases (id),
    name    TEXT    NOT NULL,
    rung    TEXT    NOT NULL,
    due     INTEGER,
    lease   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (case_id, name, rung)
) STRICT;
CREATE INDEX timers_due ON timers (due, case_id, name, rung) WHERE due IS NOT NULL;
CREATE INDEX timers_awaiting ON timers (case_id, name, rung) WHERE due IS NULL;

-- Work to do outside the case.

CREATE TABLE effects (
    ticket     TEXT    PRIMARY KEY,
    case_id    TEXT    NOT NULL REFERENCES cases (id),
    event      INTEGER NOT NULL,
    intent     BLOB NOT NULL,
    status     TEXT    NOT NULL CHECK (status IN ('pending', 'sent', 'done', 'refused', 'dead')),
    -- How many of its prerequisites are not done.
    waits_for  INTEGER NOT NULL DEFAULT 0 CHECK (waits_for >= 0),
    -- Not handed out before.
    due        INTEGER NOT NULL DEFAULT 0,
    -- One more each time it is handed out: whoever has an older one has lost it.
    claim      INTEGER NOT NULL DEFAULT 0,
    attempts   INTEGER NOT NULL DEFAULT 0,
    last_error BLOB,
    -- Who last let it be tried again, or said what became of it, and when.
    hand_by    TEXT,
    hand_at    TEXT
) STRICT;
CREATE INDEX effects_by_case ON effects (case_id, event);
CREATE INDEX effects_due ON effects (due, case_id, event, ticket)
    WHERE status = 'pending' AND waits_for = 0;
CREATE INDEX effects_sent ON effects (ticket) WHERE status = 'sent';
CREATE INDEX effects_dead ON effects (ticket) WHERE status = 'dead';
CREATE INDEX effects_pending ON effects (ticket) WHERE status = 'pending';

CREATE TABLE effect_prerequisites (
    ticket       TEXT NOT NULL REFERENCES effects (ticket),
    prerequisite TEXT NOT NULL REFERENCES effects (ticket),
    PRIMARY KEY (ticket, prerequisite)
) STRICT;
CREATE INDEX effect_prerequisites_of ON effect_prerequisites (prerequisite);

-- Rules across cases.

CREATE TABLE unique_keys (
    -- The host's MAC over the key.
    key     BLOB PRIMARY KEY,
    case_id TEXT NOT NULL REFERENCES cases (id)
) STRICT;
CREATE INDEX unique_keys_by_case ON unique_keys (case_id);

-- Written before its case, so that two nodes with one request meet here and nowhere else.
CREATE TABLE idempotency (
    caller  TEXT NOT NULL,
    -- The host's MAC over it.
    key     BLOB NOT NULL,
    -- The host's MAC over the request's hash.
    request BLOB NOT NULL,
    case_id TEXT NOT NULL REFERENCES cases (id) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (caller, key)
) STRICT;
-- With a key that waits for its case, SQLite looks for it whenever a case is written.
CREATE INDEX idempotency_by_case ON idempotency (case_id);

-- Work that one node does at a time: until when it is whose.
CREATE TABLE leases (
    name   TEXT    PRIMARY KEY,
    holder TEXT    NOT NULL,
    until  INTEGER NOT NULL
) STRICT;

CREATE TABLE counters (
    name  TEXT    PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;

-- Bytes that are kept exactly.

CREATE TABLE materials (
    sha256     TEXT    PRIMARY KEY,
    -- As of `blobs`; what its chunks have is closed.
    upload     INTEGER NOT NULL UNIQUE,
    media_type TEXT    NOT NULL,
    size       INTEGER NOT NULL,
    stored_at  TEXT    NOT NULL
) STRICT;

CREATE INDEX materials_by_age ON materials (stored_at, sha256);

-- The cases that name a material.
CREATE TABLE material_uses (
    sha256  TEXT NOT NULL REFERENCES materials (sha256),
    case_id TEXT NOT NULL REFERENCES cases (id),
    PRIMARY KEY (sha256, case_id)
) STRICT;
CREATE INDEX material_uses_by_case ON material_uses (case_id);

CREATE TABLE documents (
    case_id TEXT NOT NULL REFERENCES cases (id),
    name    TEXT NOT NULL,
    event   INTEGER NOT NULL,
    -- Its SHA-256 and its seals, closed.
    about   BLOB NOT NULL,
    bytes   BLOB NOT NULL,
    PRIMARY KEY (case_id, name, event)
) STRICT;

-- Money, in whole fen. A posting moves it from one account of a budget to another.

CREATE TABLE budgets (
    name       TEXT PRIMARY KEY,
    title      TEXT NOT NULL,
    -- Of the account that the bank pays from.
    holder     TEXT NOT NULL,
    account    TEXT NOT NULL,
    bank       TEXT,
    created_at TEXT NOT NULL
) STRICT;

CREATE TABLE balances (
    budget  TEXT    NOT NULL REFERENCES budgets (name),
    account TEXT    NOT NULL
        CHECK (account IN ('funded', 'available', 'reserved', 'in-transit', 'paid')),
    fen     INTEGER NOT NULL,
    PRIMARY KEY (budget, account),
    -- Where the money comes from: minus all that the budget was ever given.
    CHECK (fen >= 0 OR account = 'funded')
) STRICT;

CREATE TABLE postings (
    n            INTEGER PRIMARY KEY,
    budget       TEXT    NOT NULL REFERENCES budgets (name),
    movement     TEXT    NOT NULL,
    from_account TEXT    NOT NULL,
    to_account   TEXT    NOT NULL,
    fen          INTEGER NOT NULL CHECK (fen > 0),
    case_id      TEXT    REFERENCES cases (id),
    ticket       TEXT,
    -- Who gave the money, where no case moved it.
    by           TEXT,
    at           TEXT    NOT NULL
) STRICT;
CREATE INDEX postings_by_budget ON postings (budget, n);
CREATE INDEX postings_by_case ON postings (case_id, movement) WHERE case_id IS NOT NULL;
CREATE TRIGGER postings_stay BEFORE UPDATE ON postings
BEGIN SELECT RAISE(ABORT, 'a posting is never changed'); END;
CREATE TRIGGER postings_are_kept BEFORE DELETE ON postings
BEGIN SELECT RAISE(ABORT, 'a posting is never deleted'); END;

-- What each case has of a budget's account `reserved`, and who waits for a budget.

CREATE TABLE reservations (
    case_id  TEXT    NOT NULL REFERENCES cases (id),
    budget   TEXT    NOT NULL REFERENCES budgets (name),
    -- Altogether, with what is at the bank and what is paid.
    wanted   INTEGER NOT NULL CHECK (wanted >= 0),
    reserved INTEGER NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    spent    INTEGER NOT NULL DEFAULT 0 CHECK (spent >= 0),
    waits    INTEGER NOT NULL,
    -- The place in line, kept for good: who came earlier has the lower one.
    line     INTEGER NOT NULL,
    PRIMARY KEY (case_id, budget)
) STRICT;
CREATE UNIQUE INDEX reservations_by_line ON reservations (budget, line);
CREATE INDEX reservations_waiting ON reservations (budget, line) WHERE waits = 1;

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
CREATE TRIGGER activations_stay BEFORE UPDATE ON activations
BEGIN SELECT RAISE(ABORT, 'an activation is never changed'); END;
CREATE TRIGGER activations_are_kept BEFORE DELETE ON activations
BEGIN SELECT RAISE(ABORT, 'an activation is never deleted'); END;

-- Outreach: how far each run has come, and what was offered to whom.

CREATE TABLE outreach_runs (
    id         TEXT    PRIMARY KEY,
    -- The key of the register that was gone over last, closed; none when the run is over.
    done_to    BLOB,
    subjects   INTEGER NOT NULL DEFAULT 0,
    offers     INTEGER NOT NULL DEFAULT 0,
    started_at TEXT    NOT NULL,
    ended_at   TEXT
) STRICT;

CREATE TABLE offers (
    n        INTEGER PRIMARY KEY,
    run      TEXT    NOT NULL REFERENCES outreach_runs (id),
    matter   TEXT    NOT NULL,
    region   TEXT    NOT NULL,
    -- A tag, as a case's: gone, as the body, when the subject is erased.
    subject  BLOB,
    code     TEXT    NOT NULL,
    occasion TEXT    NOT NULL,
    -- What it comes to, where that can be said.
    fen      INTEGER CHECK (fen >= 0),
    body     BLOB,
    at       TEXT    NOT NULL,
    -- Its notices are sent and, where it has answers, its case is opened or refused.
    done     INTEGER NOT NULL DEFAULT 0,
    case_id  TEXT    REFERENCES cases (id),
    -- Why no case came of its answers, closed.
    refused  BLOB,
    UNIQUE (matter, subject, code, occasion)
) STRICT;
CREATE INDEX offers_to_do ON offers (matter, n) WHERE done = 0;
CREATE INDEX offers_by_subject ON offers (subject, n);
CREATE INDEX offers_by_matter ON offers (matter, n);

-- What an offer is counted by, as the case that would come of it.
CREATE TABLE offer_groups (
    offer INTEGER NOT NULL REFERENCES offers (n),
    name  TEXT    NOT NULL,
    value TEXT    NOT NULL,
    PRIMARY KEY (offer, name)
) STRICT;
CREATE INDEX offer_groups_by_value ON offer_groups (name, value);
