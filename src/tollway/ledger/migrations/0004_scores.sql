-- What the engine model predicted of a source for a UTC day, kept as it was made, beside what the
-- source did. One for each deployment and set of constants: a prediction is never written over.
CREATE TABLE scores (
    id           INTEGER PRIMARY KEY,
    day          INTEGER NOT NULL,                    -- since 1970-01-01, of arrival
    source       TEXT    NOT NULL,
    model        TEXT    NOT NULL,                    -- as the fleet file names it
    deployment   TEXT    NOT NULL,                    -- in words
    constants    TEXT    NOT NULL,                    -- their digest
    known_model  TEXT    NOT NULL,                    -- as the catalogue names it
    chip         TEXT    NOT NULL,
    engine       TEXT    NOT NULL,
    provenance   TEXT    NOT NULL,
    version      TEXT    NOT NULL,
    made         INTEGER NOT NULL,
    emulated     INTEGER NOT NULL,
    fitted_later INTEGER NOT NULL,                    -- constants were fitted on that day too
    near         INTEGER NOT NULL,                    -- it came near its knee
    requests     INTEGER NOT NULL,
    UNIQUE (day, source, model, deployment, constants)
);

-- Times are integer nanoseconds: a TPOT has too few microseconds to be held to a percent.
CREATE TABLE score_figures (
    score     INTEGER NOT NULL REFERENCES scores (id),
    name      TEXT    NOT NULL,                       -- ttft_p50, ttft_p90, tpot_p50, tpot_p90
    requests  INTEGER NOT NULL,
    observed  INTEGER NOT NULL,
    predicted INTEGER NOT NULL,
    low       INTEGER NOT NULL,                       -- the ends of the 80% interval
    high      INTEGER NOT NULL,
    PRIMARY KEY (score, name)
) WITHOUT ROWID;
