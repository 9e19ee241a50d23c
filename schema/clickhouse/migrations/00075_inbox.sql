-- What the list of incidents shows beside the columns of 00003. It stands in the incident's JSON, which is far too large
-- to be read for a list: it is taken out of it once, when a revision is written.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE incidents
    ADD COLUMN IF NOT EXISTS snoozed Nullable(DateTime64(3, 'UTC')) MATERIALIZED parseDateTime64BestEffortOrNull(JSONExtractString(incident, 'snoozed'), 3, 'UTC')
        COMMENT 'nothing more is said of it until then; NULL: never snoozed',
    ADD COLUMN IF NOT EXISTS answer LowCardinality(String) MATERIALIZED arrayLast(v -> v.kind IN ('owner', 'theft', 'acknowledged'), JSONExtract(incident, 'verdicts', 'Array(Tuple(kind String, by String))')).kind
        COMMENT 'the last verdict that was given on it: owner, theft or acknowledged; empty: none',
    ADD COLUMN IF NOT EXISTS answered_by String MATERIALIZED arrayLast(v -> v.kind IN ('owner', 'theft', 'acknowledged'), JSONExtract(incident, 'verdicts', 'Array(Tuple(kind String, by String))')).by
        COMMENT 'who gave it, as the channel names them',
    ADD COLUMN IF NOT EXISTS revocation LowCardinality(String) MATERIALIZED JSONExtractString(incident, 'revocation', 'state')
        COMMENT 'where taking the token out of use stands; empty: not considered',
    ADD INDEX IF NOT EXISTS stored stored_at TYPE minmax GRANULARITY 1;

-- Rows that are there already are filled in by the server by and by; until then they are computed when they are read.
ALTER TABLE incidents
    MATERIALIZE COLUMN snoozed,
    MATERIALIZE COLUMN answer,
    MATERIALIZE COLUMN answered_by,
    MATERIALIZE COLUMN revocation,
    MATERIALIZE INDEX stored;
