-- As the SQLite schema, table by table and column by column. Text is ordered by its bytes, as there.

CREATE FUNCTION onething_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'a row of % is never changed or deleted', TG_TABLE_NAME; END
$$;

-- Whose database it is. A program of schema K reads a newer version where `min_reader` is at most K.

CREATE TABLE onething_schema (
    product    TEXT COLLATE "C" PRIMARY KEY,
    version    BIGINT  NOT NULL,
    min_reader BIGINT  NOT NULL
);

-- What is closed below is closed under the key of its scope: `host`, `case/<id>`, `subject/<tag>` and
-- `material/<sha256>`. Keys are wrapped with a master key, which is not here.

CREATE TABLE data_keys (
    scope   TEXT COLLATE "C" PRIMARY KEY,
    master  TEXT COLLATE "C" NOT NULL,
    wrapped BYTEA NOT NULL
);
CREATE INDEX data_keys_by_master ON data_keys (master, scope);

-- What was erased, when, by whom and why.

CREATE TABLE erasures (
    scope  TEXT COLLATE "C" NOT NULL,
    at     TEXT COLLATE "C" NOT NULL,
    by     TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    -- The host's MAC over the other columns.
    seal   BYTEA NOT NULL,
    PRIMARY KEY (scope, at)
);

-- The read model of a case: derived from its log, replaced with each commit.

CREATE TABLE cases (
    id            TEXT COLLATE "C" PRIMARY KEY,
    region        TEXT COLLATE "C" NOT NULL,
    matter        TEXT COLLATE "C" NOT NULL,
    digest        TEXT COLLATE "C" NOT NULL,
    -- A tag to find it by, gone when the case is erased, and the identifier itself, closed.
    subject        BYTEA,
    subject_closed BYTEA NOT NULL,
    submitted_by  TEXT COLLATE "C" NOT NULL,
    status        TEXT COLLATE "C" NOT NULL,
    round         BIGINT  NOT NULL,
    version       BIGINT  NOT NULL,
    next_reaction BIGINT,
    -- Milliseconds since 1970 in UTC, as every `due` and `lease`: until then the reaction is nobody else's.
    react_due     BIGINT  NOT NULL,
    parked        BIGINT  NOT NULL,
    registered_at TEXT COLLATE "C" NOT NULL,
    ended_at      TEXT COLLATE "C",
    -- The hash of the last event, and the host's MAC over the case, its version and this hash.
    head          BYTEA NOT NULL,
    head_seal     BYTEA NOT NULL,
    erased_at     TEXT COLLATE "C"
);
CREATE INDEX cases_to_react ON cases (react_due, id) WHERE next_reaction IS NOT NULL AND parked = 0;
CREATE INDEX cases_parked ON cases (id) WHERE parked = 1;
CREATE INDEX cases_by_subject ON cases (subject, id);
CREATE INDEX cases_by_caller ON cases (submitted_by, id);
CREATE INDEX cases_by_status ON cases (status, id);
CREATE INDEX cases_by_matter ON cases (matter, id);
CREATE INDEX cases_by_region ON cases (region, id);

-- The log: what happened to a case, and what the invocations behind it were asked and answered.

CREATE TABLE events (
    case_id TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
    n       BIGINT  NOT NULL CHECK (n > 0),
    at      TEXT COLLATE "C" NOT NULL,
    -- Of the body before it was closed.
    format  BIGINT NOT NULL,
    body    BYTEA NOT NULL,
    -- Of the hash before, the other columns and the closed body.
    hash    BYTEA NOT NULL,
    PRIMARY KEY (case_id, n)
);
CREATE TRIGGER events_stay BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION onething_is_kept();
CREATE TRIGGER events_are_kept BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION onething_is_kept();

CREATE TABLE journal (
    case_id  TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
    n        BIGINT  NOT NULL,
    event    BIGINT  NOT NULL,
    function TEXT COLLATE "C" NOT NULL,
    body     BYTEA   NOT NULL,
    usage    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (case_id, n)
);

CREATE TABLE tasks (
    case_id   TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
    step      TEXT COLLATE "C" NOT NULL,
    function  TEXT COLLATE "C" NOT NULL,
    region    TEXT COLLATE "C" NOT NULL,
    role      TEXT COLLATE "C" NOT NULL,
    status    TEXT COLLATE "C" NOT NULL,
    version   BIGINT  NOT NULL,
    round     BIGINT  NOT NULL,
    opened_at TEXT COLLATE "C" NOT NULL,
    -- A public notice (公示): what is published, closed, until when, and whether somebody objected.
    notice    BYTEA,
    due       TEXT COLLATE "C",
    objected  BIGINT  NOT NULL,
    PRIMARY KEY (case_id, step)
);
CREATE INDEX tasks_by_office ON tasks (function, region, case_id, step);
CREATE INDEX tasks_published ON tasks (case_id, step) WHERE notice IS NOT NULL;

-- What a case is counted by: the elements that its manifest names.

CREATE TABLE case_groups (
    case_id TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
    name    TEXT COLLATE "C" NOT NULL,
    value   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (case_id, name)
);
CREATE INDEX case_groups_by_value ON case_groups (name, value);

-- When a case is to be woken. Without `due` the calendar of a year on the way is not published yet.

CREATE TABLE timers (
    case_id TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
    name    TEXT COLLATE "C" NOT NULL,
    rung    TEXT COLLATE "C" NOT NULL,
    due     BIGINT,
    lease   BIGINT  NOT NULL DEFAULT 0,
    PRIMARY KEY (case_id, name, rung)
);
CREATE INDEX timers_due ON timers (due, case_id, name, rung) WHERE due IS NOT NULL;
CREATE INDEX timers_awaiting ON timers (case_id, name, rung) WHERE due IS NULL;

-- Work to do outside the case.

CREATE TABLE effects (
    ticket     TEXT COLLATE "C" PRIMARY KEY,
    case_id    TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
    event      BIGINT  NOT NULL,
    intent     BYTEA NOT NULL,
    status     TEXT COLLATE "C" NOT NULL CHECK (status IN ('pending', 'sent', 'done', 'refused', 'dead')),
    -- How many of its prerequisites are not done.
    waits_for  BIGINT  NOT NULL DEFAULT 0 CHECK (waits_for >= 0),
    -- Not handed out before.
    due        BIGINT  NOT NULL DEFAULT 0,
    -- One more each time it is handed out: whoever has an older one has lost it.
    claim      BIGINT  NOT NULL DEFAULT 0,
    attempts   BIGINT  NOT NULL DEFAULT 0,
    last_error BYTEA,
    -- Who last let it be tried again, or said what became of it, and when.
    hand_by    TEXT COLLATE "C",
    hand_at    TEXT COLLATE "C"
);
CREATE INDEX effects_by_case ON effects (case_id, event);
CREATE INDEX effects_due ON effects (due, case_id, event, ticket)
    WHERE status = 'pending' AND waits_for = 0;
CREATE INDEX effects_sent ON effects (ticket) WHERE status = 'sent';
CREATE INDEX effects_dead ON effects (ticket) WHERE status = 'dead';
CREATE INDEX effects_pending ON effects (ticket) WHERE status = 'pending';

CREATE TABLE effect_prerequisites (
    ticket       TEXT COLLATE "C" NOT NULL REFERENCES effects (ticket),
    prerequisite TEXT COLLATE "C" NOT NULL REFERENCES effects (ticket),
    PRIMARY KEY (ticket, prerequisite)
);
CREATE INDEX effect_prerequisites_of ON effect_prerequisites (prerequisite);

-- Rules across cases.

CREATE TABLE unique_keys (
    -- The host's MAC over the key.
    key     BYTEA PRIMARY KEY,
    case_id TEXT COLLATE "C" NOT NULL REFERENCES cases (id)
);
CREATE INDEX unique_keys_by_case ON unique_keys (case_id);

-- Written before its case, so that two nodes with one request meet here and nowhere else.
CREATE TABLE idempotency (
    caller  TEXT COLLATE "C" NOT NULL,
    -- The host's MAC over it.
    key     BYTEA NOT NULL,
    -- The host's MAC over the request's hash.
    request BYTEA NOT NULL,
    case_id TEXT COLLATE "C" NOT NULL REFERENCES cases (id) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (caller, key)
);

-- Work that one node does at a time: until when it is whose.
CREATE TABLE leases (
    name   TEXT COLLATE "C" PRIMARY KEY,
    holder TEXT   NOT NULL,
    until  BIGINT NOT NULL
);

CREATE TABLE counters (
    name  TEXT COLLATE "C" PRIMARY KEY,
    value BIGINT  NOT NULL
);

-- Bytes that are kept exactly.

CREATE TABLE materials (
    sha256     TEXT COLLATE "C" PRIMARY KEY,
    -- As of `blobs`; what its chunks have is closed.
    upload     BIGINT NOT NULL UNIQUE,
    media_type TEXT COLLATE "C" NOT NULL,
    size       BIGINT  NOT NULL,
    stored_at  TEXT COLLATE "C" NOT NULL
);

CREATE INDEX materials_by_age ON materials (stored_at, sha256);

-- The cases that name a material.
CREATE TABLE material_uses (
    sha256  TEXT COLLATE "C" NOT NULL REFERENCES materials (sha256),
    case_id TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
    PRIMARY KEY (sha256, case_id)
);
CREATE INDEX material_uses_by_case ON material_uses (case_id);

CREATE TABLE documents (
    case_id TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
    name    TEXT COLLATE "C" NOT NULL,
    event   BIGINT NOT NULL,
    -- Its SHA-256 and its seals, closed.
    about   BYTEA NOT NULL,
    bytes   BYTEA NOT NULL,
    PRIMARY KEY (case_id, name, event)
);

-- Money, in whole fen. A posting moves it from one account of a budget to another.

CREATE TABLE budgets (
    name       TEXT COLLATE "C" PRIMARY KEY,
    title      TEXT COLLATE "C" NOT NULL,
    -- Of the account that the bank pays from.
    holder     TEXT COLLATE "C" NOT NULL,
    account    TEXT COLLATE "C" NOT NULL,
    bank       TEXT COLLATE "C",
    created_at TEXT COLLATE "C" NOT NULL
);

CREATE TABLE balances (
    budget  TEXT COLLATE "C" NOT NULL REFERENCES budgets (name),
    account TEXT COLLATE "C" NOT NULL
        CHECK (account IN ('funded', 'available', 'reserved', 'in-transit', 'paid')),
    fen     BIGINT  NOT NULL,
    PRIMARY KEY (budget, account),
    -- Where the money comes from: minus all that the budget was ever given.
    CHECK (fen >= 0 OR account = 'funded')
);

CREATE TABLE postings (
    n            BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    budget       TEXT COLLATE "C" NOT NULL REFERENCES budgets (name),
    movement     TEXT COLLATE "C" NOT NULL,
    from_account TEXT COLLATE "C" NOT NULL,
    to_account   TEXT COLLATE "C" NOT NULL,
    fen          BIGINT  NOT NULL CHECK (fen > 0),
    case_id      TEXT COLLATE "C" REFERENCES cases (id),
    ticket       TEXT COLLATE "C",
    -- Who gave the money, where no case moved it.
    by           TEXT COLLATE "C",
    at           TEXT COLLATE "C" NOT NULL
);
CREATE INDEX postings_by_budget ON postings (budget, n);
CREATE INDEX postings_by_case ON postings (case_id, movement) WHERE case_id IS NOT NULL;
CREATE TRIGGER postings_stay BEFORE UPDATE OR DELETE ON postings
    FOR EACH ROW EXECUTE FUNCTION onething_is_kept();
CREATE TRIGGER postings_are_kept BEFORE TRUNCATE ON postings
    FOR EACH STATEMENT EXECUTE FUNCTION onething_is_kept();

-- What each case has of a budget's account `reserved`, and who waits for a budget.

CREATE TABLE reservations (
    case_id  TEXT COLLATE "C" NOT NULL REFERENCES cases (id),
    budget   TEXT COLLATE "C" NOT NULL REFERENCES budgets (name),
    -- Altogether, with what is at the bank and what is paid.
    wanted   BIGINT  NOT NULL CHECK (wanted >= 0),
    reserved BIGINT  NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    spent    BIGINT  NOT NULL DEFAULT 0 CHECK (spent >= 0),
    waits    BIGINT  NOT NULL,
    -- The place in line, kept for good: who came earlier has the lower one.
    line     BIGINT  NOT NULL,
    PRIMARY KEY (case_id, budget)
);
CREATE UNIQUE INDEX reservations_by_line ON reservations (budget, line);
CREATE INDEX reservations_waiting ON reservations (budget, line) WHERE waits = 1;

-- Bytes by what they are, in chunks: a file is written and read without ever being whole in memory.

CREATE TABLE blobs (
    sha256     TEXT COLLATE "C"    PRIMARY KEY,
    -- Under which its chunks lie: what a file is called is known only when it is whole.
    upload     BIGINT  NOT NULL UNIQUE,
    media_type TEXT COLLATE "C"    NOT NULL,
    size       BIGINT  NOT NULL,
    stored_at  TEXT COLLATE "C"    NOT NULL
);

CREATE TABLE blob_chunks (
    upload BIGINT  NOT NULL,
    n      BIGINT  NOT NULL,
    bytes  BYTEA   NOT NULL,
    PRIMARY KEY (upload, n)
);

-- Uploads under way, and those that were given up.
CREATE TABLE uploads (
    n          BIGINT  PRIMARY KEY,
    started_at TEXT COLLATE "C"    NOT NULL
);

-- Every bundle that was ever deployed, and the log of what was put in force when.

CREATE TABLE bundles (
    digest      TEXT COLLATE "C" PRIMARY KEY REFERENCES blobs (sha256),
    matter      TEXT COLLATE "C" NOT NULL,
    version     TEXT COLLATE "C" NOT NULL,
    -- The law that it implements: first day, and the day before which it ends.
    since       TEXT COLLATE "C" NOT NULL,
    until       TEXT COLLATE "C",
    deployed_at TEXT COLLATE "C" NOT NULL,
    deployed_by TEXT COLLATE "C" NOT NULL
);

CREATE TABLE activations (
    n        BIGINT  PRIMARY KEY,
    matter   TEXT COLLATE "C"    NOT NULL,
    digest   TEXT COLLATE "C"    NOT NULL REFERENCES bundles (digest),
    -- The first legal date that it is taken for.
    from_day TEXT COLLATE "C"    NOT NULL,
    at       TEXT COLLATE "C"    NOT NULL,
    by       TEXT COLLATE "C"    NOT NULL,
    -- The activation that this one takes back.
    cancels  BIGINT  UNIQUE REFERENCES activations (n)
);
CREATE INDEX activations_by_matter ON activations (matter, n);
CREATE INDEX cases_open_by_digest ON cases (digest) WHERE ended_at IS NULL;
CREATE TRIGGER activations_stay BEFORE UPDATE OR DELETE ON activations
    FOR EACH ROW EXECUTE FUNCTION onething_is_kept();
CREATE TRIGGER activations_are_kept BEFORE TRUNCATE ON activations
    FOR EACH STATEMENT EXECUTE FUNCTION onething_is_kept();

-- Outreach: how far each run has come, and what was offered to whom.

CREATE TABLE outreach_runs (
    id         TEXT COLLATE "C" PRIMARY KEY,
    -- The key of the register that was gone over last, closed; none when the run is over.
    done_to    BYTEA,
    subjects   BIGINT  NOT NULL DEFAULT 0,
    offers     BIGINT  NOT NULL DEFAULT 0,
    started_at TEXT COLLATE "C" NOT NULL,
    ended_at   TEXT COLLATE "C"
);

CREATE TABLE offers (
    n        BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run      TEXT COLLATE "C" NOT NULL REFERENCES outreach_runs (id),
    matter   TEXT COLLATE "C" NOT NULL,
    region   TEXT COLLATE "C" NOT NULL,
    -- A tag, as a case's: gone, as the body, when the subject is erased.
    subject  BYTEA,
    code     TEXT COLLATE "C" NOT NULL,
    occasion TEXT COLLATE "C" NOT NULL,
    -- What it comes to, where that can be said.
    fen      BIGINT  CHECK (fen >= 0),
    body     BYTEA,
    at       TEXT COLLATE "C" NOT NULL,
    -- Its notices are sent and, where it has answers, its case is opened or refused.
    done     BIGINT  NOT NULL DEFAULT 0,
    case_id  TEXT COLLATE "C" REFERENCES cases (id),
    -- Why no case came of its answers, closed.
    refused  BYTEA,
    UNIQUE (matter, subject, code, occasion)
);
CREATE INDEX offers_to_do ON offers (matter, n) WHERE done = 0;
CREATE INDEX offers_by_subject ON offers (subject, n);
CREATE INDEX offers_by_matter ON offers (matter, n);

-- What an offer is counted by, as the case that would come of it.
CREATE TABLE offer_groups (
    offer BIGINT  NOT NULL REFERENCES offers (n),
    name  TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (offer, name)
);
CREATE INDEX offer_groups_by_value ON offer_groups (name, value);
