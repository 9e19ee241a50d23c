-- What is asked of all tokens at once: who was seen since when, and how many a day. Both tables are filled from
-- activity_hours, whose view has summed a block up already, so that an insert of 10,000 requests adds a few hundred rows
-- here; asking activity_hours itself takes seconds with a million tokens.
--
-- What was stored before is added by the last two statements. They may run again, or beside an insert: times are
-- least and greatest, tokens a set, and earlier requests the greatest of what was counted.

-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS token_summaries
(
    token       FixedString(16) COMMENT 'fingerprint of the token; raw bytes, compare with unhex(...)' CODEC(ZSTD(1)),
    token_hex   String ALIAS lower(hex(token)) COMMENT 'token as 32 hexadecimal digits',
    token_hint  SimpleAggregateFunction(anyLast, String) COMMENT 'issuer''s prefix and last four characters of the token' CODEC(ZSTD(1)),
    consumer    SimpleAggregateFunction(anyLast, LowCardinality(String)) COMMENT 'owner of the token as the gateway names it' CODEC(ZSTD(1)),
    environment SimpleAggregateFunction(anyLast, LowCardinality(String)) COMMENT 'prod, dev, test, ...' CODEC(ZSTD(1)),
    first_seen  SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'first request' CODEC(ZSTD(1)),
    last_seen   SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'last request' CODEC(ZSTD(1)),
    requests    SimpleAggregateFunction(sum, UInt64) COMMENT 'requests stored since there is this table' CODEC(T64, ZSTD(1)),
    earlier     SimpleAggregateFunction(max, UInt64) COMMENT 'requests stored before' CODEC(T64, ZSTD(1))
)
ENGINE = AggregatingMergeTree
ORDER BY token
TTL toDateTime(last_seen) + toIntervalSecond(34560000)
SETTINGS
    non_replicated_deduplication_window = 10000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800
COMMENT 'Each token: whose it is, first and last seen, requests. Sums are partial until merged, so always aggregate.';

CREATE TABLE IF NOT EXISTS fleet_days
(
    day    Date COMMENT 'day (UTC)',
    tokens AggregateFunction(uniqCombined(14), FixedString(16)) COMMENT 'distinct tokens that were used; read with uniqCombinedMerge(14)' CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
ORDER BY day
TTL day + toIntervalSecond(34560000)
SETTINGS
    non_replicated_deduplication_window = 10000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800
COMMENT 'How many tokens were used each day: what the budget of alerts is for. Always aggregate.';

CREATE MATERIALIZED VIEW IF NOT EXISTS token_summaries_mv TO token_summaries AS
SELECT
    token,
    anyLast(token_hint)  AS token_hint,
    anyLast(consumer)    AS consumer,
    anyLast(environment) AS environment,
    min(first_seen)      AS first_seen,
    max(last_seen)       AS last_seen,
    sum(requests)        AS requests
FROM activity_hours
GROUP BY token;

CREATE MATERIALIZED VIEW IF NOT EXISTS fleet_days_mv TO fleet_days AS
SELECT toDate(hour) AS day, uniqCombinedState(14)(token) AS tokens
FROM activity_hours
GROUP BY day;

INSERT INTO token_summaries (token, token_hint, consumer, environment, first_seen, last_seen, earlier)
SELECT token, anyLast(token_hint), anyLast(consumer), anyLast(environment), min(first_seen), max(last_seen), sum(requests)
FROM activity_hours
GROUP BY token
SETTINGS max_bytes_before_external_group_by = 500000000, max_insert_threads = 1;

INSERT INTO fleet_days (day, tokens)
SELECT toDate(hour) AS day, uniqCombinedState(14)(token)
FROM activity_hours
GROUP BY day;
