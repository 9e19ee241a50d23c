-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS activity_hours
(
    token       FixedString(16)        COMMENT 'fingerprint of the token; raw bytes, compare with unhex(...)' CODEC(ZSTD(1)),
    token_hex   String ALIAS lower(hex(token)) COMMENT 'token as 32 hexadecimal digits',
    hour        DateTime('UTC')        COMMENT 'start of the hour' CODEC(Delta(4), ZSTD(1)),
    country     LowCardinality(String) COMMENT 'ISO 3166-1 alpha-2; empty when unknown' CODEC(ZSTD(1)),
    region      LowCardinality(String) COMMENT 'first subdivision of the country' CODEC(ZSTD(1)),
    city        LowCardinality(String) COMMENT 'city in English' CODEC(ZSTD(1)),
    asn         UInt32                 COMMENT 'number of the autonomous system; 0 unknown' CODEC(ZSTD(1)),
    network     Enum8('unknown' = 0, 'residential' = 1, 'mobile' = 2, 'business' = 3, 'hosting' = 4, 'vpn' = 5, 'tor' = 6) COMMENT 'kind of network' CODEC(ZSTD(1)),
    client      LowCardinality(String) COMMENT 'product and major version of the user agent' CODEC(ZSTD(1)),

    token_hint  SimpleAggregateFunction(anyLast, LowCardinality(String)) COMMENT 'issuer''s prefix and last four characters of the token' CODEC(ZSTD(1)),
    consumer    SimpleAggregateFunction(anyLast, LowCardinality(String)) COMMENT 'owner of the token as the gateway names it' CODEC(ZSTD(1)),
    environment SimpleAggregateFunction(anyLast, LowCardinality(String)) COMMENT 'prod, dev, test, ...' CODEC(ZSTD(1)),
    as_org      SimpleAggregateFunction(anyLast, LowCardinality(String)) COMMENT 'organisation that runs the autonomous system' CODEC(ZSTD(1)),
    lat         SimpleAggregateFunction(anyLast, Float32) COMMENT 'latitude in degrees' CODEC(ZSTD(1)),
    lon         SimpleAggregateFunction(anyLast, Float32) COMMENT 'longitude in degrees' CODEC(ZSTD(1)),

    requests    SimpleAggregateFunction(sum, UInt64)  COMMENT 'requests' CODEC(T64, ZSTD(1)),
    errors      SimpleAggregateFunction(sum, UInt64)  COMMENT 'requests answered with status 400 or more' CODEC(T64, ZSTD(1)),
    denied      SimpleAggregateFunction(sum, UInt64)  COMMENT 'requests answered with status 401 or 403' CODEC(T64, ZSTD(1)),
    bytes_in    SimpleAggregateFunction(sum, UInt64)  COMMENT 'size of the requests, bytes' CODEC(T64, ZSTD(1)),
    bytes_out   SimpleAggregateFunction(sum, UInt64)  COMMENT 'size of the responses, bytes' CODEC(T64, ZSTD(1)),
    units_in    SimpleAggregateFunction(sum, UInt64)  COMMENT 'LLM tokens of the prompts' CODEC(T64, ZSTD(1)),
    units_out   SimpleAggregateFunction(sum, UInt64)  COMMENT 'LLM tokens of the answers' CODEC(T64, ZSTD(1)),
    cost_usd    SimpleAggregateFunction(sum, Float64) COMMENT 'spend, US dollars' CODEC(ZSTD(1)),
    first_seen  SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'first request of the hour' CODEC(ZSTD(1)),
    last_seen   SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'last request of the hour' CODEC(ZSTD(1)),
    addresses   AggregateFunction(uniqCombined(12), IPv6) COMMENT 'distinct client addresses; read with uniqCombinedMerge(12)' CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (token, hour, country, region, city, asn, network, client)
TTL hour + toIntervalSecond(34560000)
SETTINGS
    non_replicated_deduplication_window = 10000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800,
    ttl_only_drop_parts = 1,
    min_bytes_for_wide_part = 134217728,
    min_parts_to_merge_at_once = 10,
    merge_selector_base = 20
COMMENT 'Activity per token, hour, place, network and client: what a profile is rebuilt from. Sums are partial until merged, so always aggregate.';

CREATE MATERIALIZED VIEW IF NOT EXISTS activity_hours_mv TO activity_hours AS
SELECT
    token,
    toStartOfHour(toDateTime(ts, 'UTC')) AS hour,
    country, region, city, asn, network, client,
    anyLast(token_hint)  AS token_hint,
    anyLast(consumer)    AS consumer,
    anyLast(environment) AS environment,
    anyLast(as_org)      AS as_org,
    anyLast(lat)         AS lat,
    anyLast(lon)         AS lon,
    count()                          AS requests,
    countIf(status >= 400)           AS errors,
    countIf(status IN (401, 403))    AS denied,
    sum(bytes_in)                    AS bytes_in,
    sum(bytes_out)                   AS bytes_out,
    sum(toUInt64(units_in))          AS units_in,
    sum(toUInt64(units_out))         AS units_out,
    sum(cost_usd)                    AS cost_usd,
    min(ts)                          AS first_seen,
    max(ts)                          AS last_seen,
    uniqCombinedState(12)(ip)        AS addresses
FROM events
GROUP BY token, hour, country, region, city, asn, network, client;

-- Counts a minute are computed when they are asked for: the events of a token lie together, in the order of time. As a
-- table of its own they took 1.5 us of the server's processor time a request, a third of all it costs to
-- store one (deploy/adr/0006-storage.md).
CREATE VIEW IF NOT EXISTS activity_minutes AS
SELECT
    token,
    lower(hex(token))                      AS token_hex,
    toStartOfMinute(toDateTime(ts, 'UTC')) AS minute,
    count()                                AS requests,
    countIf(status >= 400)                 AS errors,
    sum(bytes_out)                         AS bytes_out,
    sum(toUInt64(units_in) + units_out)    AS units,
    sum(cost_usd)                          AS cost_usd
FROM events
GROUP BY token, minute
COMMENT 'Activity per token and minute, for what rate is normal, as far back as events are kept. Filter by token.';
