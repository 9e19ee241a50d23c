-- Every statement can be run again: ClickHouse has no transaction around DDL, so a
-- migration that was cut off halfway is repeated from its start.
--
-- events, measured with 2 M requests of 500 tokens: 33 bytes a request, 16 of which are a
-- random request_id, 2.8 path, 2.5 ts, 2.4 latency_us, 1.7 offset. DoubleDelta for ts is a
-- third larger, ZSTD without T64 for latency_us a quarter, T64 for offset a third, Gorilla
-- for cost_usd a quarter. A block is written as one compact part (one file, not one a
-- column): 0.7 us a row of the server's processor time instead of 1.3; merging ten parts
-- or more at a time takes 0.5 us a row off the merges. merge_selector_base says how much larger the parts of the next
-- level of merges are: a row is rewritten 3.6 times on its way through 190 blocks with 5, the default, and twice
-- with 20 (deploy/adr/0006-storage.md has the alternatives, and the command that measures them).
-- Codecs were changed in 00093.

-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS events
(
    ts          DateTime64(3, 'UTC')   COMMENT 'event time from the log, clamped to what ingest accepts as plausible' CODEC(Delta(8), ZSTD(1)),
    ts_raw      Nullable(DateTime64(3, 'UTC')) COMMENT 'the time in the log, where ts was clamped; else NULL' CODEC(ZSTD(1)),
    ingested_at DateTime64(3, 'UTC')   COMMENT 'time of the block this row was stored with; a day is a partition' CODEC(Delta(8), ZSTD(1)),

    token       FixedString(16)        COMMENT 'keyed fingerprint of the API token; raw bytes, compare with unhex(...)' CODEC(ZSTD(1)),
    token_hex   String ALIAS lower(hex(token)) COMMENT 'token as 32 hexadecimal digits, for reading; filter by token, which is indexed',
    token_key   UInt16                 COMMENT 'id of the pepper that token was made with' CODEC(ZSTD(1)),
    token_hint  LowCardinality(String) COMMENT 'issuer''s prefix and last four characters of the token' CODEC(ZSTD(1)),
    consumer    LowCardinality(String) COMMENT 'owner of the token as the gateway names it' CODEC(ZSTD(1)),
    environment LowCardinality(String) COMMENT 'prod, dev, test, ...' CODEC(ZSTD(1)),
    source      LowCardinality(String) COMMENT 'log format the record was decoded with' CODEC(ZSTD(1)),

    ip          IPv6                   COMMENT 'client address, IPv4 mapped into IPv6; :: when the log has none' CODEC(ZSTD(1)),
    ip_from     Enum8('none' = 0, 'peer' = 1, 'forwarded' = 2, 'gateway' = 3) COMMENT 'where in the record the address was read' CODEC(ZSTD(1)),
    ip_spoofed  Bool                   COMMENT 'the trusted part of the forwarding chain contradicts itself' CODEC(ZSTD(1)),
    country     LowCardinality(String) COMMENT 'ISO 3166-1 alpha-2, upper case; empty when unknown' CODEC(ZSTD(1)),
    region      LowCardinality(String) COMMENT 'first subdivision of the country' CODEC(ZSTD(1)),
    city        LowCardinality(String) COMMENT 'city in English' CODEC(ZSTD(1)),
    lat         Float32                COMMENT 'latitude in degrees; lat and lon are both 0 when unknown' CODEC(ZSTD(1)),
    lon         Float32                COMMENT 'longitude in degrees' CODEC(ZSTD(1)),
    accuracy_km UInt16                 COMMENT 'radius around lat, lon in which the address is likely to be, kilometres; 0 unknown' CODEC(ZSTD(1)),
    asn         UInt32                 COMMENT 'number of the autonomous system; 0 unknown' CODEC(ZSTD(1)),
    as_org      LowCardinality(String) COMMENT 'organisation that runs the autonomous system' CODEC(ZSTD(1)),
    network     Enum8('unknown' = 0, 'residential' = 1, 'mobile' = 2, 'business' = 3, 'hosting' = 4, 'vpn' = 5, 'tor' = 6) COMMENT 'kind of network' CODEC(ZSTD(1)),

    method      LowCardinality(String) COMMENT 'HTTP method' CODEC(ZSTD(1)),
    route       LowCardinality(String) COMMENT 'path as a template, e.g. /v1/models/{id}' CODEC(ZSTD(1)),
    path        String                 COMMENT 'path as requested, secrets in its query removed' CODEC(ZSTD(1)),
    status      UInt16                 COMMENT 'HTTP status; 0 when the log has none' CODEC(ZSTD(1)),
    bytes_in    UInt64                 COMMENT 'size of the request, bytes' CODEC(T64, ZSTD(1)),
    bytes_out   UInt64                 COMMENT 'size of the response, bytes' CODEC(T64, ZSTD(1)),
    latency_us  UInt64                 COMMENT 'time to answer, microseconds' CODEC(T64, ZSTD(1)),
    user_agent  LowCardinality(String) COMMENT 'User-Agent as sent' CODEC(ZSTD(1)),
    client      LowCardinality(String) COMMENT 'product and major version of the user agent' CODEC(ZSTD(1)),

    units_in    UInt32                 COMMENT 'LLM tokens of the prompt' CODEC(T64, ZSTD(1)),
    units_out   UInt32                 COMMENT 'LLM tokens of the answer' CODEC(T64, ZSTD(1)),
    cost_usd    Float64                COMMENT 'spend, US dollars' CODEC(ZSTD(1)),

    request_id  String                 COMMENT 'id the gateway gave the request' CODEC(ZSTD(1)),
    topic       LowCardinality(String) COMMENT 'Kafka topic the record was read from' CODEC(ZSTD(1)),
    `partition` Int32                  COMMENT 'Kafka partition' CODEC(ZSTD(1)),
    offset      Int64                  COMMENT 'Kafka offset' CODEC(Delta(8), ZSTD(1)),
    item        UInt32                 COMMENT 'number of the entry within a batched record, from 0' CODEC(T64, ZSTD(1)),

    INDEX ts_range     ts     TYPE minmax GRANULARITY 1,
    INDEX offset_range offset TYPE minmax GRANULARITY 1,
    INDEX ip_seen      ip     TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = MergeTree
PARTITION BY toDate(ingested_at)
ORDER BY (token, ts)
TTL toDateTime(ingested_at) + toIntervalSecond(7776000)
SETTINGS
    non_replicated_deduplication_window = 10000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800,
    ttl_only_drop_parts = 1,
    min_bytes_for_wide_part = 134217728,
    min_parts_to_merge_at_once = 10,
    merge_selector_base = 20
COMMENT 'Every request made with a token. One row a request, stored exactly once.';

CREATE TABLE IF NOT EXISTS dead_letters
(
    ingested_at DateTime64(3, 'UTC')   COMMENT 'time of the block this row was stored with' CODEC(Delta(8), ZSTD(1)),
    topic       LowCardinality(String) COMMENT 'Kafka topic the record was read from',
    `partition` Int32                  COMMENT 'Kafka partition',
    offset      Int64                  COMMENT 'Kafka offset' CODEC(Delta(8), ZSTD(1)),
    item        UInt32                 COMMENT 'number of the entry within a batched record, from 0',
    source      LowCardinality(String) COMMENT 'log format that was tried',
    reason      LowCardinality(String) COMMENT 'why the record was refused, in a word to count by',
    detail      String                 COMMENT 'what exactly was wrong, and where' CODEC(ZSTD(1)),
    payload     String                 COMMENT 'the record, secrets removed, truncated' CODEC(ZSTD(3)),
    size        UInt32                 COMMENT 'bytes of the record as it arrived'
)
ENGINE = MergeTree
PARTITION BY toDate(ingested_at)
ORDER BY (topic, `partition`, offset, item)
TTL toDateTime(ingested_at) + toIntervalSecond(2592000)
SETTINGS
    non_replicated_deduplication_window = 10000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800,
    ttl_only_drop_parts = 1
COMMENT 'Records that could not become an event, with the reason. A record is in events or here.';
