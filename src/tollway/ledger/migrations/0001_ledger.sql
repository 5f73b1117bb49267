-- Money is integer pico-dollars a request; times are integer microseconds, UTC where they are
-- moments. Sums of money are taken as two sums, cost / 1000000 and cost % 1000000, because one sum
-- of pico-dollars would pass 63 bits at $9.2 million.

CREATE TABLE keys (
    id                  TEXT    NOT NULL PRIMARY KEY,
    digest              BLOB    NOT NULL,             -- sha256 of the whole key
    tenant              TEXT    NOT NULL,
    name                TEXT    NOT NULL,
    created             INTEGER NOT NULL,
    expires             INTEGER,
    revoked             INTEGER,
    requests_per_minute INTEGER,
    tokens_per_minute   INTEGER,
    concurrency         INTEGER,
    budget_day          INTEGER,
    budget_month        INTEGER,
    overdraft           INTEGER NOT NULL,
    class               TEXT,
    routes              TEXT                          -- a JSON array; NULL is as the tenant
) WITHOUT ROWID;

-- Every commit of the gateway moves PRAGMA data_version; only this tells a change of keys from it.
CREATE TABLE keys_version (version INTEGER NOT NULL);
INSERT INTO keys_version VALUES (0);
CREATE TRIGGER keys_created AFTER INSERT ON keys
BEGIN UPDATE keys_version SET version = version + 1; END;
CREATE TRIGGER keys_altered AFTER UPDATE ON keys
BEGIN UPDATE keys_version SET version = version + 1; END;

-- Open reservations only: settling a request removes its row.
CREATE TABLE reservations (
    request       TEXT    NOT NULL PRIMARY KEY,
    utc           INTEGER NOT NULL,
    key           TEXT    NOT NULL,
    tenant        TEXT    NOT NULL,
    route         TEXT    NOT NULL,
    operation     TEXT    NOT NULL,
    tag           TEXT,
    amount        INTEGER NOT NULL,
    input_tokens  INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    CHECK (input_tokens BETWEEN -1099511627776 AND 1099511627776
       AND output_tokens BETWEEN -1099511627776 AND 1099511627776)
) WITHOUT ROWID;

-- Settled requests. What came with the reservation is NULL where there was none.
CREATE TABLE requests (
    id             INTEGER PRIMARY KEY,
    request        TEXT    NOT NULL UNIQUE,
    utc            INTEGER NOT NULL,                  -- of settling: what days and months go by
    outcome        TEXT    NOT NULL,
    code           TEXT,
    source         TEXT,
    model          TEXT,
    upstream_model TEXT,
    tier           TEXT,
    input          INTEGER NOT NULL,
    cached_input   INTEGER NOT NULL,
    cache_write    INTEGER NOT NULL,
    output         INTEGER NOT NULL,
    reasoning      INTEGER NOT NULL,
    estimated      INTEGER NOT NULL,
    cost           INTEGER NOT NULL,                  -- of every attempt
    failed_cost    INTEGER NOT NULL,                  -- of it, of the attempts in failed_attempts
    attempts       INTEGER NOT NULL,
    ttft           INTEGER,
    duration       INTEGER,
    substituted    TEXT,
    reserved_utc   INTEGER,
    key            TEXT,
    tenant         TEXT,
    route          TEXT,
    operation      TEXT,
    tag            TEXT,
    reserved       INTEGER,
    -- Sums over these must stay within 63 bits: a trillion tokens a request is a mistake.
    CHECK (input BETWEEN -1099511627776 AND 1099511627776
       AND cached_input BETWEEN -1099511627776 AND 1099511627776
       AND cache_write BETWEEN -1099511627776 AND 1099511627776
       AND output BETWEEN -1099511627776 AND 1099511627776
       AND reasoning BETWEEN -1099511627776 AND 1099511627776)
);
CREATE INDEX requests_utc ON requests (utc);
CREATE INDEX requests_tag ON requests (tag, key) WHERE tag IS NOT NULL;

CREATE TABLE failed_attempts (
    request      TEXT    NOT NULL,
    attempt      INTEGER NOT NULL,
    source       TEXT    NOT NULL,
    model        TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    status       INTEGER,
    input        INTEGER NOT NULL,
    cached_input INTEGER NOT NULL,
    cache_write  INTEGER NOT NULL,
    output       INTEGER NOT NULL,
    reasoning    INTEGER NOT NULL,
    estimated    INTEGER NOT NULL,
    cost         INTEGER NOT NULL,
    duration     INTEGER NOT NULL,
    PRIMARY KEY (request, attempt)
) WITHOUT ROWID;

-- What happened but does not fit a row (an amount over 63 bits), kept in words.
CREATE TABLE unbooked (
    id   INTEGER PRIMARY KEY,
    item TEXT NOT NULL UNIQUE,
    why  TEXT NOT NULL
);

-- One line a source that was used: the request's own, and one for each failed attempt that cost
-- money, so that a source's lines add up to what it will bill.
CREATE VIEW own_entries AS
SELECT id, utc, tenant, key, route, operation, tag, source, model, tier, outcome,
       1 AS requests, estimated, cost = 0 AND input + output > 0 AS unbilled,
       input, cached_input, cache_write, output, reasoning, cost - failed_cost AS cost
  FROM requests;
CREATE VIEW failed_entries AS
SELECT r.id, r.utc, r.tenant, r.key, r.route, r.operation, r.tag, f.source, f.model, r.tier,
       NULL AS outcome, 0 AS requests, 0 AS estimated, 0 AS unbilled,
       0 AS input, 0 AS cached_input, 0 AS cache_write, 0 AS output, 0 AS reasoning, f.cost
  FROM requests AS r JOIN failed_attempts AS f ON f.request = r.request
 WHERE r.failed_cost <> 0 AND f.cost <> 0;
CREATE VIEW entries AS
SELECT * FROM own_entries UNION ALL SELECT * FROM failed_entries;

-- The entries of each UTC day added up, in the transaction that booked them. '' stands for NULL,
-- which a primary key cannot hold; tags are left out, because a client may make any number of them.
CREATE TABLE days (
    day          INTEGER NOT NULL,                    -- since 1970-01-01
    tenant       TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    route        TEXT    NOT NULL,
    source       TEXT    NOT NULL,
    model        TEXT    NOT NULL,
    requests     INTEGER NOT NULL,
    completed    INTEGER NOT NULL,
    failed       INTEGER NOT NULL,
    cancelled    INTEGER NOT NULL,
    refused      INTEGER NOT NULL,
    abandoned    INTEGER NOT NULL,
    estimated    INTEGER NOT NULL,
    unbilled     INTEGER NOT NULL,
    input        INTEGER NOT NULL,
    cached_input INTEGER NOT NULL,
    cache_write  INTEGER NOT NULL,
    output       INTEGER NOT NULL,
    reasoning    INTEGER NOT NULL,
    cost_micro   INTEGER NOT NULL,                    -- the sum of cost / 1000000
    cost_rest    INTEGER NOT NULL,                    -- the sum of cost % 1000000, in pico-dollars
    PRIMARY KEY (day, tenant, key, route, source, model)
) WITHOUT ROWID;
