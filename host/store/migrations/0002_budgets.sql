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
CREATE INDEX reservations_waiting ON reservations (budget, line) WHERE waits;

-- Effects may rest at the bank.

ALTER TABLE effect_prerequisites RENAME TO old_prerequisites;
ALTER TABLE effects RENAME TO old_effects;
CREATE TABLE effects (
    ticket      TEXT    PRIMARY KEY,
    case_id     TEXT    NOT NULL REFERENCES cases (id),
    event       INTEGER NOT NULL,
    intent      TEXT    NOT NULL,
    status      TEXT    NOT NULL CHECK (status IN ('pending', 'sent', 'done', 'refused')),
    -- Milliseconds since 1970 in UTC: until then nobody else takes it up.
    lease_until INTEGER NOT NULL DEFAULT 0,
    attempts    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE effect_prerequisites (
    ticket       TEXT NOT NULL REFERENCES effects (ticket),
    prerequisite TEXT NOT NULL REFERENCES effects (ticket),
    PRIMARY KEY (ticket, prerequisite)
) STRICT;
INSERT INTO effects SELECT ticket, case_id, event, intent, status, lease_until, attempts
FROM old_effects;
INSERT INTO effect_prerequisites SELECT ticket, prerequisite FROM old_prerequisites;
DROP TABLE old_prerequisites;
DROP TABLE old_effects;
CREATE INDEX effects_by_case ON effects (case_id, event);
CREATE INDEX effects_pending ON effects (attempts, case_id) WHERE status = 'pending';
CREATE INDEX effects_sent ON effects (ticket) WHERE status = 'sent';

-- Public notices (公示): what is published as JSON, until when, and whether somebody objected.

ALTER TABLE tasks ADD COLUMN notice TEXT;
ALTER TABLE tasks ADD COLUMN due TEXT;
ALTER TABLE tasks ADD COLUMN objected INTEGER NOT NULL DEFAULT 0;
CREATE INDEX tasks_published ON tasks (case_id, step) WHERE notice IS NOT NULL;
