-- What lets the instances see together what each of them sees a part of (deploy/adr/0008-campaigns.md).

-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS sightings
(
    stored_at   DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when this row was written; the order in which sightings are read',
    ts          DateTime64(3, 'UTC')   COMMENT 'event time',
    token       FixedString(16)        COMMENT 'fingerprint of the token; raw bytes, compare with unhex(...)',
    token_hex   String ALIAS lower(hex(token)) COMMENT 'token as 32 hexadecimal digits',
    consumer    LowCardinality(String) COMMENT 'owner of the token as the gateway names it',
    environment LowCardinality(String) COMMENT 'prod, dev, test, ...',
    asn         UInt32                 COMMENT 'network that is new to the token; 0: none',
    client      LowCardinality(String) COMMENT 'product that is new to the token; empty: none',
    score       Float64                COMMENT 'what speaks for theft of this token; 1.0 would be an alert',
    topic       LowCardinality(String) COMMENT 'Kafka topic',
    `partition` Int32                  COMMENT 'Kafka partition',
    offset      Int64                  COMMENT 'Kafka offset',
    sighting    String                 COMMENT 'the whole sighting as JSON' CODEC(ZSTD(3))
)
ENGINE = MergeTree
ORDER BY (stored_at, topic, `partition`, offset)
TTL toDateTime(stored_at) + toIntervalSecond(604800)
SETTINGS
    non_replicated_deduplication_window = 10000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800
COMMENT 'Tokens that were seen with something new to them: what campaigns and fleet events are made of. A week of them.';

CREATE TABLE IF NOT EXISTS fleet_events
(
    id        String                 COMMENT 'of the event; a later row of the same id ends it',
    at        DateTime64(3, 'UTC')   COMMENT 'events that were ingested later are judged with it',
    until     DateTime64(3, 'UTC')   COMMENT 'and those not later than this',
    kind      LowCardinality(String) COMMENT 'network, client or traffic',
    value     String                 COMMENT 'AS number, or product',
    among     String                 COMMENT 'whose tokens: o: and the owner, n: and the network that they come from, or empty: all',
    client    String                 COMMENT 'a product that came with a move',
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when this row was written'
)
ENGINE = ReplacingMergeTree
ORDER BY (id, until)
TTL toDateTime(stored_at) + toIntervalSecond(34560000)
COMMENT 'What tokens of one owner did together, over all partitions: benign, as far as one can see. Read with FINAL.';
