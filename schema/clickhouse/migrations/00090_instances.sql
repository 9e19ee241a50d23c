-- How each running instance says it is, for the console's page System.

-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS instances
(
    instance String                 COMMENT 'names the process: its host and the address of its metrics',
    at       DateTime64(3, 'UTC')   COMMENT 'when this was so; of the rows of one instance the last holds',
    version  LowCardinality(String) COMMENT 'of tokenwatch',
    started  DateTime64(3, 'UTC')   COMMENT 'when the process began',
    vitals   String                 COMMENT 'how it is, as JSON' CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(at)
ORDER BY instance
TTL toDateTime(at) + toIntervalDay(7)
COMMENT 'The instances of tokenwatch that run, or ran within the last week. Read with FINAL.';
