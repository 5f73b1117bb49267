-- The entries of each UTC day added up in the transaction that booked them, now also by the tier that
-- was answered in, which prices go by. '' stands for NULL, as before.
CREATE TABLE days_by_tier (
    day          INTEGER NOT NULL,                    -- since 1970-01-01
    tenant       TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    route        TEXT    NOT NULL,
    source       TEXT    NOT NULL,
    model        TEXT    NOT NULL,
    tier         TEXT    NOT NULL,
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
    PRIMARY KEY (day, tenant, key, route, source, model, tier)
) WITHOUT ROWID;

-- Most words go with one tier: their days are taken over. Only what was answered in several is read
-- request by request, row by row into the sums: a GROUP BY of every request would sort them all in
-- memory.
CREATE TEMP TABLE tiers (
    tenant TEXT NOT NULL, key TEXT NOT NULL, route TEXT NOT NULL, source TEXT NOT NULL,
    model TEXT NOT NULL, tier TEXT NOT NULL, several INTEGER NOT NULL,
    PRIMARY KEY (tenant, key, route, source, model)
) WITHOUT ROWID;
INSERT INTO tiers
SELECT tenant, key, route, source, model, min(tier), min(tier) <> max(tier)
  FROM (SELECT coalesce(tenant, '') AS tenant, coalesce(key, '') AS key,
               coalesce(route, '') AS route, coalesce(source, '') AS source,
               coalesce(model, '') AS model, coalesce(tier, '') AS tier FROM labels
         UNION
        SELECT coalesce(tenant, ''), coalesce(key, ''), coalesce(route, ''), coalesce(source, ''),
               coalesce(model, ''), coalesce(tier, '') FROM failed_entries)
 GROUP BY 1, 2, 3, 4, 5;

INSERT INTO days_by_tier
SELECT d.day, d.tenant, d.key, d.route, d.source, d.model, t.tier, requests, completed, failed,
       cancelled, refused, abandoned, estimated, unbilled, input, cached_input, cache_write, output,
       reasoning, cost_micro, cost_rest
  FROM days AS d JOIN tiers AS t
    ON t.tenant = d.tenant AND t.key = d.key AND t.route = d.route AND t.source = d.source
   AND t.model = d.model AND NOT t.several;

INSERT INTO days_by_tier
SELECT utc / 86400000000, coalesce(tenant, ''), coalesce(key, ''), coalesce(route, ''),
       coalesce(source, ''), coalesce(model, ''), coalesce(tier, ''), requests,
       outcome IS 'completed', outcome IS 'failed', outcome IS 'cancelled', outcome IS 'refused',
       outcome IS 'abandoned', estimated, unbilled, input, cached_input, cache_write, output,
       reasoning, cost / 1000000, cost % 1000000
  FROM (SELECT 1 FROM tiers WHERE several LIMIT 1) CROSS JOIN entries
 WHERE (coalesce(tenant, ''), coalesce(key, ''), coalesce(route, ''), coalesce(source, ''),
        coalesce(model, '')) IN (SELECT tenant, key, route, source, model FROM tiers WHERE several)
    ON CONFLICT (day, tenant, key, route, source, model, tier) DO UPDATE
   SET requests = requests + excluded.requests, completed = completed + excluded.completed,
       failed = failed + excluded.failed, cancelled = cancelled + excluded.cancelled,
       refused = refused + excluded.refused, abandoned = abandoned + excluded.abandoned,
       estimated = estimated + excluded.estimated, unbilled = unbilled + excluded.unbilled,
       input = input + excluded.input, cached_input = cached_input + excluded.cached_input,
       cache_write = cache_write + excluded.cache_write, output = output + excluded.output,
       reasoning = reasoning + excluded.reasoning, cost_micro = cost_micro + excluded.cost_micro,
       cost_rest = cost_rest + excluded.cost_rest;
DROP TABLE tiers;
DROP TABLE days;
ALTER TABLE days_by_tier RENAME TO days;

-- Long periods would read a row for each key and day. Days that are over are added to fewer rows, by
-- month, and by day and source: to add every batch to those as well would make booking dearer by half.
CREATE TABLE rolled (day INTEGER NOT NULL);           -- the first day that is not in them
CREATE TABLE months_rolled (
    month        INTEGER NOT NULL,                    -- its first day, since 1970-01-01
    tenant       TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    route        TEXT    NOT NULL,
    source       TEXT    NOT NULL,
    model        TEXT    NOT NULL,
    tier         TEXT    NOT NULL,
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
    cost_micro   INTEGER NOT NULL,
    cost_rest    INTEGER NOT NULL,
    PRIMARY KEY (month, tenant, key, route, source, model, tier)
) WITHOUT ROWID;
CREATE TABLE day_sources_rolled (
    day          INTEGER NOT NULL,
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
    cost_micro   INTEGER NOT NULL,
    cost_rest    INTEGER NOT NULL,
    PRIMARY KEY (day, route, source, model)
) WITHOUT ROWID;
INSERT INTO rolled SELECT coalesce(max(day) - 1, 0) FROM days;

-- What they are together with the days that are not in them yet.
CREATE VIEW months_since AS
SELECT day + 1 - strftime('%d', day * 86400, 'unixepoch') AS month, tenant, key, route, source,
       model, tier, requests, completed, failed, cancelled, refused, abandoned, estimated, unbilled, input,
       cached_input, cache_write, output, reasoning, cost_micro, cost_rest
  FROM days WHERE day >= (SELECT day FROM rolled);
CREATE VIEW months AS
SELECT * FROM months_rolled UNION ALL SELECT * FROM months_since;
CREATE VIEW day_sources_since AS
SELECT day, route, source, model, requests, completed, failed, cancelled, refused, abandoned, estimated, unbilled, input,
       cached_input, cache_write, output, reasoning, cost_micro, cost_rest
  FROM days WHERE day >= (SELECT day FROM rolled);
CREATE VIEW day_sources AS
SELECT * FROM day_sources_rolled UNION ALL SELECT * FROM day_sources_since;

INSERT INTO months_rolled
SELECT day + 1 - strftime('%d', day * 86400, 'unixepoch'), tenant, key, route, source, model, tier,
       sum(requests), sum(completed), sum(failed), sum(cancelled), sum(refused), sum(abandoned),
       sum(estimated), sum(unbilled), sum(input), sum(cached_input), sum(cache_write), sum(output),
       sum(reasoning), sum(cost_micro), sum(cost_rest)
  FROM days WHERE day < (SELECT day FROM rolled) GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO day_sources_rolled
SELECT day, route, source, model,
       sum(requests), sum(completed), sum(failed), sum(cancelled), sum(refused), sum(abandoned),
       sum(estimated), sum(unbilled), sum(input), sum(cached_input), sum(cache_write), sum(output),
       sum(reasoning), sum(cost_micro), sum(cost_rest)
  FROM days WHERE day < (SELECT day FROM rolled) GROUP BY 1, 2, 3, 4;

-- When a source last answered a drill is found without the drilled requests themselves.
CREATE INDEX settled_drilled_label ON settled (label, utc) WHERE drilled IS NOT NULL;
