-- Dead letters that were replayed: read again from Kafka, decoded, and appended to the topic once more. A replay is
-- written down before and after it is done, so that one that was cut off in between is recognised.

-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS dead_letter_replays
(
    at          DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'when this was written down, by the clock of ClickHouse',
    topic       LowCardinality(String) COMMENT 'Kafka topic of the dead letter',
    `partition` Int32                  COMMENT 'its partition',
    offset      Int64                  COMMENT 'its offset',
    item        UInt32                 COMMENT 'number of its entry within a batched record, from 0',
    ingested_at DateTime64(3, 'UTC')   COMMENT 'time of the block that it was stored with; tells a topic that was made anew from the old one',
    run         String                 COMMENT 'names the run of `tokenwatch deadletters replay`',
    state       Enum8('intended' = 1, 'done' = 2, 'given_up' = 3) COMMENT 'intended: about to be appended. done: appended. given_up: was not appended, whatever was intended',
    new_offset  Int64                  COMMENT 'intended: where the partition ended then; done: offset of the record that was appended'
)
ENGINE = MergeTree
ORDER BY (topic, `partition`, offset, item, at)
TTL toDateTime(ingested_at) + toIntervalSecond(2592000)
COMMENT 'What became of dead letters that were replayed.';

CREATE VIEW IF NOT EXISTS dead_letters_waiting AS
SELECT *
FROM dead_letters
WHERE (topic, `partition`, offset, item, ingested_at) NOT IN
(
    SELECT topic, `partition`, offset, item, ingested_at FROM dead_letter_replays WHERE state = 'done'
)
COMMENT 'Dead letters that were not replayed.';

CREATE OR REPLACE VIEW dead_letter_reasons AS
SELECT
    reason,
    source,
    topic,
    count()                       AS records,
    min(ingested_at)              AS first_at,
    max(ingested_at)              AS last_at,
    argMax(detail, ingested_at)   AS last_detail,
    argMax(payload, ingested_at)  AS last_payload
FROM dead_letters_waiting
GROUP BY reason, source, topic
ORDER BY records DESC
COMMENT 'Why are records refused? One row a reason, format and topic, with the newest example. What was replayed is not counted any more.';
