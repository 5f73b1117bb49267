-- The source that a drill had taken away from the request; NULL where none had.
ALTER TABLE requests ADD COLUMN drilled TEXT;
CREATE INDEX requests_drilled ON requests (utc) WHERE drilled IS NOT NULL;
