-- Times are milliseconds since the epoch, UTC; money is micro-dollars.

CREATE TABLE state (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    schema_version INTEGER NOT NULL,
    budget_version INTEGER NOT NULL,
    audit_count INTEGER NOT NULL,
    audit_head TEXT NOT NULL
) STRICT;

INSERT INTO state VALUES (1, 0, 0, 0, printf('%064d', 0));

CREATE TABLE runs (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    bottle TEXT NOT NULL,
    agent TEXT NOT NULL,
    path TEXT NOT NULL,
    started INTEGER NOT NULL,
    status TEXT NOT NULL,
    ended INTEGER,
    exit_code INTEGER,
    fact TEXT NOT NULL
) STRICT;

CREATE INDEX runs_bottle ON runs (bottle);
CREATE INDEX runs_live ON runs (seq) WHERE ended IS NULL;

CREATE TABLE run_scopes (
    scope TEXT NOT NULL,
    run INTEGER NOT NULL,
    PRIMARY KEY (scope, run)
) STRICT, WITHOUT ROWID;

CREATE TABLE budgets (
    key TEXT PRIMARY KEY,
    scope TEXT NOT NULL,
    unit TEXT NOT NULL,
    most INTEGER NOT NULL,
    period TEXT NOT NULL,
    provider TEXT
) STRICT, WITHOUT ROWID;

-- What usage and holds add up to: a row that is missing is computed from them.
CREATE TABLE accounts (
    budget TEXT NOT NULL,
    start INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    held INTEGER NOT NULL,
    PRIMARY KEY (budget, start)
) STRICT, WITHOUT ROWID;

CREATE TABLE holds (
    id TEXT PRIMARY KEY,
    run INTEGER NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    output INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    micros INTEGER,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- `corrects` is the id of the row that this one replaces, 0 for a hold's first row.
CREATE TABLE usage (
    id INTEGER PRIMARY KEY,
    hold TEXT NOT NULL,
    corrects INTEGER NOT NULL,
    run INTEGER NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    created INTEGER NOT NULL,
    at INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    micros INTEGER,
    input INTEGER NOT NULL,
    output INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL,
    quality TEXT NOT NULL,
    cost INTEGER,
    wire TEXT NOT NULL,
    ending TEXT NOT NULL,
    code TEXT NOT NULL,
    status INTEGER NOT NULL,
    text_bytes INTEGER NOT NULL,
    chars INTEGER NOT NULL,
    millis INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX usage_hold ON usage (hold, corrects);
CREATE UNIQUE INDEX usage_corrects ON usage (corrects) WHERE corrects > 0;
CREATE INDEX usage_run ON usage (run);
CREATE INDEX usage_created ON usage (created);
CREATE INDEX usage_unknown ON usage (id) WHERE quality = 'unknown';
CREATE INDEX usage_finished ON usage (provider, model)
    WHERE quality = 'measured' AND ending = 'complete';

-- The truth as it is known now: a corrected row no longer counts.
CREATE VIEW standing AS
    SELECT * FROM usage WHERE id NOT IN (SELECT corrects FROM usage WHERE corrects > 0);

CREATE TRIGGER usage_is_never_changed BEFORE UPDATE ON usage BEGIN
    SELECT RAISE(ABORT, 'usage is append-only');
END;

CREATE TRIGGER usage_is_never_deleted BEFORE DELETE ON usage BEGIN
    SELECT RAISE(ABORT, 'usage is append-only');
END;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    run TEXT NOT NULL,
    act TEXT NOT NULL,
    code TEXT NOT NULL,
    fact TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

CREATE INDEX audit_run ON audit (run);

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

CREATE TABLE orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL,
    act TEXT NOT NULL,
    code TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX orders_run ON orders (run);
