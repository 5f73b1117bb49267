-- The words of settled requests repeat, and were most of a row: each combination of them is kept once
-- in `labels`. `requests` is a view that reads as the table did.

CREATE TABLE labels (
    id             INTEGER PRIMARY KEY,
    outcome        TEXT    NOT NULL,
    code           TEXT,
    source         TEXT,
    model          TEXT,
    upstream_model TEXT,
    tier           TEXT,
    key            TEXT,
    tenant         TEXT,
    route          TEXT,
    operation      TEXT,
    substituted    TEXT
);
CREATE INDEX labels_words ON labels (key, route, source, model, outcome);

CREATE TABLE settled (
    id             INTEGER PRIMARY KEY,
    request        TEXT    NOT NULL UNIQUE,
    utc            INTEGER NOT NULL,                  -- of settling: what days and months go by
    label          INTEGER NOT NULL REFERENCES labels,
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
    reserved_utc   INTEGER,                           -- NULL where there was no reservation
    reserved       INTEGER,
    tag            TEXT,
    drilled        TEXT,                              -- the source that a drill had taken away
    -- Sums over these must stay within 63 bits: a trillion tokens a request is a mistake.
    CHECK (input BETWEEN -1099511627776 AND 1099511627776
       AND cached_input BETWEEN -1099511627776 AND 1099511627776
       AND cache_write BETWEEN -1099511627776 AND 1099511627776
       AND output BETWEEN -1099511627776 AND 1099511627776
       AND reasoning BETWEEN -1099511627776 AND 1099511627776)
);

INSERT INTO labels (outcome, code, source, model, upstream_model, tier, key, tenant, route,
                    operation, substituted)
SELECT DISTINCT outcome, code, source, model, upstream_model, tier, key, tenant, route, operation,
                substituted
  FROM requests;
INSERT INTO settled
SELECT r.id, r.request, r.utc, l.id, r.input, r.cached_input, r.cache_write, r.output, r.reasoning,
       r.estimated, r.cost, r.failed_cost, r.attempts, r.ttft, r.duration, r.reserved_utc,
       r.reserved, r.tag, r.drilled
  FROM requests AS r
  JOIN labels AS l
    ON l.key IS r.key AND l.route IS r.route AND l.source IS r.source AND l.model IS r.model
   AND l.outcome IS r.outcome AND l.code IS r.code AND l.upstream_model IS r.upstream_model
   AND l.tier IS r.tier AND l.tenant IS r.tenant AND l.operation IS r.operation
   AND l.substituted IS r.substituted
 ORDER BY r.id;

DROP VIEW entries;
DROP VIEW own_entries;
DROP VIEW failed_entries;
DROP TABLE requests;

CREATE INDEX settled_utc ON settled (utc);
CREATE INDEX settled_tag ON settled (tag) WHERE tag IS NOT NULL;
CREATE INDEX settled_drilled ON settled (utc) WHERE drilled IS NOT NULL;

CREATE VIEW requests AS
SELECT s.id, s.request, s.utc, l.outcome, l.code, l.source, l.model, l.upstream_model, l.tier,
       s.input, s.cached_input, s.cache_write, s.output, s.reasoning, s.estimated, s.cost,
       s.failed_cost, s.attempts, s.ttft, s.duration, l.substituted, s.reserved_utc, l.key,
       l.tenant, l.route, l.operation, s.tag, s.reserved, s.drilled
  FROM settled AS s JOIN labels AS l ON l.id = s.label;

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
