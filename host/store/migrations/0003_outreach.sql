-- What a case is counted by: the elements that its manifest names.

CREATE TABLE case_groups (
    case_id TEXT NOT NULL REFERENCES cases (id),
    name    TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (case_id, name)
) STRICT;
CREATE INDEX case_groups_by_value ON case_groups (name, value);

-- Outreach: how far each run has come, and what was offered to whom.

CREATE TABLE outreach_runs (
    id         TEXT    PRIMARY KEY,
    -- The key of the register that was gone over last.
    done_to    TEXT,
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
    subject  TEXT    NOT NULL,
    code     TEXT    NOT NULL,
    occasion TEXT    NOT NULL,
    -- What it comes to, where that can be said.
    fen      INTEGER CHECK (fen >= 0),
    body     TEXT    NOT NULL,
    at       TEXT    NOT NULL,
    -- Its notices are sent and, where it has answers, its case is opened or refused.
    done     INTEGER NOT NULL DEFAULT 0,
    case_id  TEXT    REFERENCES cases (id),
    -- Why no case came of its answers, JSON.
    refused  TEXT,
    UNIQUE (matter, subject, code, occasion)
) STRICT;
CREATE INDEX offers_to_do ON offers (matter, n) WHERE done = 0;
CREATE INDEX offers_by_subject ON offers (subject, n);

-- What an offer is counted by, as the case that would come of it.
CREATE TABLE offer_groups (
    offer INTEGER NOT NULL REFERENCES offers (n),
    name  TEXT    NOT NULL,
    value TEXT    NOT NULL,
    PRIMARY KEY (offer, name)
) STRICT;
CREATE INDEX offer_groups_by_value ON offer_groups (name, value);
