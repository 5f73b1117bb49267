-- Beside `days`, which has a row for each key and day: what long periods are answered from. Kept in
-- the transaction that books, as `days` is; '' stands for NULL there too.

-- By UTC month, and by the tier that was answered in.
CREATE TABLE months (
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
    cost_micro   INTEGER NOT NULL,                    -- the sum of cost / 1000000
    cost_rest    INTEGER NOT NULL,                    -- the sum of cost % 1000000, in pico-dollars
    PRIMARY KEY (month, tenant, key, route, source, model, tier)
) WITHOUT ROWID;

-- By UTC day, whoever asked.
CREATE TABLE day_sources (
    day          INTEGER NOT NULL,                    -- since 1970-01-01
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

INSERT INTO day_sources
SELECT day, route, source, model, sum(requests), sum(completed), sum(failed), sum(cancelled),
       sum(refused), sum(abandoned), sum(estimated), sum(unbilled), sum(input), sum(cached_input),
       sum(cache_write), sum(output), sum(reasoning), sum(cost_micro), sum(cost_rest)
  FROM days GROUP BY 1, 2, 3, 4;

-- Row by row into the sums: a GROUP BY of every request would sort them all in memory.
INSERT INTO months
SELECT utc / 86400000000 + 1 - strftime('%d', utc / 1000000, 'unixepoch'),
       coalesce(tenant, ''), coalesce(key, ''), coalesce(route, ''), coalesce(source, ''),
       coalesce(model, ''), coalesce(tier, ''), requests, outcome IS 'completed',
       outcome IS 'failed', outcome IS 'cancelled', outcome IS 'refused', outcome IS 'abandoned',
       estimated, unbilled, input, cached_input, cache_write, output, reasoning,
       cost / 1000000, cost % 1000000
  FROM entries
 WHERE true
    ON CONFLICT (month, tenant, key, route, source, model, tier) DO UPDATE
   SET requests = requests + excluded.requests, completed = completed + excluded.completed,
       failed = failed + excluded.failed, cancelled = cancelled + excluded.cancelled,
       refused = refused + excluded.refused, abandoned = abandoned + excluded.abandoned,
       estimated = estimated + excluded.estimated, unbilled = unbilled + excluded.unbilled,
       input = input + excluded.input, cached_input = cached_input + excluded.cached_input,
       cache_write = cache_write + excluded.cache_write, output = output + excluded.output,
       reasoning = reasoning + excluded.reasoning, cost_micro = cost_micro + excluded.cost_micro,
       cost_rest = cost_rest + excluded.cost_rest;

-- When a source last answered a drill is found without the drilled requests themselves.
CREATE INDEX settled_drilled_label ON settled (label, utc) WHERE drilled IS NOT NULL;
