-- What became of incidents at each destination, and what people order about it: silences, and deliveries to be retried.

-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS deliveries
(
    incident    String                 COMMENT 'id of the incident',
    destination LowCardinality(String) COMMENT 'slack, telegram, ...',
    revision    UInt64                 COMMENT 'of the incident that wrote the row; of the rows of one incident and destination the highest holds',
    state       LowCardinality(String) COMMENT 'waiting: not told yet. told: a message is there. digest: told together with others. dead: given up',
    severity    LowCardinality(String) COMMENT 'of the incident as this was written',
    delivered   UInt64                 COMMENT 'revision that the destination knows; 0: none',
    ref         String                 COMMENT 'names the message at the destination',
    digest      String                 COMMENT 'key of the digest that told of it',
    attempts    UInt32                 COMMENT 'for the last delivery, or so far',
    error       String                 COMMENT 'of the last attempt; empty when it was accepted',
    wanted_at   Nullable(DateTime64(3, 'UTC')) COMMENT 'since when it is to be told there',
    at          Nullable(DateTime64(3, 'UTC')) COMMENT 'of the last attempt',
    notified_at Nullable(DateTime64(3, 'UTC')) COMMENT 'when people there were last notified: by a post or a reply, not an edit',
    failing_at  Nullable(DateTime64(3, 'UTC')) COMMENT 'since when attempts fail',
    next_at     Nullable(DateTime64(3, 'UTC')) COMMENT 'when it is tried again',
    fell_back   Bool                   COMMENT 'the fallback was told in its place'
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY (incident, destination)
COMMENT 'What became of an incident at each destination. Read with FINAL.';

CREATE MATERIALIZED VIEW IF NOT EXISTS deliveries_mv TO deliveries AS
SELECT
    id                          AS incident,
    d.destination               AS destination,
    incidents.revision          AS revision,
    multiIf(d.dead, 'dead', d.digest != '' AND d.ref = '', 'digest', d.revision > 0, 'told', 'waiting') AS state,
    toString(incidents.severity) AS severity,
    d.revision                  AS delivered,
    d.ref                       AS ref,
    d.digest                    AS digest,
    d.attempts                  AS attempts,
    d.error                     AS error,
    parseDateTime64BestEffortOrNull(d.wanted, 3, 'UTC')   AS wanted_at,
    if(startsWith(d.at, '0001'), NULL, parseDateTime64BestEffortOrNull(d.at, 3, 'UTC')) AS at,
    parseDateTime64BestEffortOrNull(d.notified, 3, 'UTC') AS notified_at,
    parseDateTime64BestEffortOrNull(d.since, 3, 'UTC')    AS failing_at,
    parseDateTime64BestEffortOrNull(d.next, 3, 'UTC')     AS next_at,
    d.fell_back                 AS fell_back
FROM incidents
ARRAY JOIN JSONExtract(incidents.incident, 'deliveries', 'Array(Tuple(destination String, ref String, revision UInt64, at String, attempts UInt32, error String, wanted String, notified String, digest String, since String, next String, fell_back Bool, dead Bool))') AS d;

CREATE VIEW IF NOT EXISTS delivery_dead_letters AS
SELECT incident, destination, severity, error, attempts, failing_at, at, fell_back
FROM deliveries FINAL
WHERE state = 'dead'
ORDER BY at DESC
COMMENT 'What could not be delivered and was given up; tokenwatch deliveries retry tries it again.';

CREATE TABLE IF NOT EXISTS silences
(
    id       String                COMMENT 'names the silence',
    matchers Array(String)         COMMENT 'conditions on an incident, all of which have to match: owner=acme-*, severity=high+',
    by       String                COMMENT 'who is answerable for it',
    reason   String                COMMENT 'why',
    from_at  DateTime64(3, 'UTC')  COMMENT 'when it begins',
    until_at DateTime64(3, 'UTC')  COMMENT 'when it expires',
    revised  DateTime64(3, 'UTC')  COMMENT 'when this row was written; of the rows of one id the last holds'
)
ENGINE = ReplacingMergeTree(revised)
ORDER BY id
COMMENT 'What people are not to be told of. Read with FINAL.';

CREATE TABLE IF NOT EXISTS delivery_retries
(
    at          DateTime64(3, 'UTC')   COMMENT 'when it was asked for',
    incident    String                 COMMENT 'id of the incident',
    destination LowCardinality(String) COMMENT 'empty: all',
    by          String                 COMMENT 'who asked'
)
ENGINE = MergeTree
ORDER BY at
TTL toDateTime(at) + toIntervalDay(90)
COMMENT 'Orders to try deliveries again that failed.';
