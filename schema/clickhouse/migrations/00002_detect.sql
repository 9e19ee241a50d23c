-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS profiles
(
    topic       LowCardinality(String)  COMMENT 'Kafka topic whose events the profile was learnt from',
    `partition` Int32                   COMMENT 'Kafka partition',
    token       FixedString(16)         COMMENT 'fingerprint of the token; all zero: what the whole partition shares',
    token_hex   String ALIAS lower(hex(token)) COMMENT 'token as 32 hexadecimal digits',
    offset      Int64                   COMMENT 'last offset of the partition that went into state',
    updated     DateTime64(3, 'UTC')    COMMENT 'event time of the last change',
    status      LowCardinality(String)  COMMENT 'learning, active or stale',
    days        UInt16                  COMMENT 'days on which the token was active',
    events      UInt64                  COMMENT 'events learnt from',
    state       String                  COMMENT 'the profile; only the detection engine can read it' CODEC(ZSTD(1)),
    stored_at   DateTime('UTC') DEFAULT now() COMMENT 'when this row was written'
)
ENGINE = ReplacingMergeTree(offset)
ORDER BY (topic, `partition`, token)
TTL stored_at + toIntervalSecond(34560000)
COMMENT 'What is normal for each token. Of the rows of one key that with the highest offset holds.';

CREATE TABLE IF NOT EXISTS findings
(
    id          FixedString(16)         COMMENT 'derived from what the finding is about: a replay yields the same',
    id_hex      String ALIAS lower(hex(id)) COMMENT 'id as 32 hexadecimal digits',
    token       FixedString(16)         COMMENT 'fingerprint of the token; raw bytes, compare with unhex(...)',
    token_hex   String ALIAS lower(hex(token)) COMMENT 'token as 32 hexadecimal digits',
    token_hint  LowCardinality(String)  COMMENT 'issuer''s prefix and last four characters of the token',
    consumer    LowCardinality(String)  COMMENT 'owner of the token as the gateway names it',
    environment LowCardinality(String)  COMMENT 'prod, dev, test, ...',
    ts          DateTime64(3, 'UTC')    COMMENT 'event time of the request that tipped the scale',
    ingested_at DateTime64(3, 'UTC')    COMMENT 'time of the block with that request',
    score       Float64                 COMMENT '1.0 is enough for an alert',
    severity    Enum8('info' = 0, 'low' = 1, 'medium' = 2, 'high' = 3, 'critical' = 4) COMMENT 'rank',
    summary     String                  COMMENT 'why, in a sentence',
    evidence    Nested
    (
        detector  LowCardinality(String),
        key       String,
        ts        DateTime64(3, 'UTC'),
        llr       Float64,
        seen      String,
        normal    String,
        attack_id LowCardinality(String)
    )                                   COMMENT 'one entry a reason, strongest first; llr is ln(P(seen|theft)/P(seen|owner)), attack_id a MITRE ATT&CK technique',
    finding     String                  COMMENT 'the whole finding as JSON' CODEC(ZSTD(3)),
    topic       LowCardinality(String)  COMMENT 'Kafka topic of the request that tipped the scale',
    `partition` Int32                   COMMENT 'Kafka partition',
    offset      Int64                   COMMENT 'Kafka offset'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(ingested_at)
ORDER BY (token, ts, id)
TTL toDateTime(ingested_at) + toIntervalSecond(34560000)
SETTINGS
    non_replicated_deduplication_window = 10000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800,
    ttl_only_drop_parts = 1
COMMENT 'What the detection engine found, with its evidence. Read with FINAL.';
