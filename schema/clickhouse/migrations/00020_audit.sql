-- What a partition's reader was told about offsets that hold no record, so that a gap
-- between the rows can be told from one that is nobody's fault.

-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS missing_offsets
(
    ingested_at  DateTime64(3, 'UTC')   COMMENT 'time of the block that the next record went into' CODEC(Delta(8), ZSTD(1)),
    topic        LowCardinality(String) COMMENT 'Kafka topic',
    `partition`  Int32                  COMMENT 'Kafka partition',
    first_offset Int64                  COMMENT 'first offset without a record',
    last_offset  Int64                  COMMENT 'last offset without a record',
    kind         LowCardinality(String) COMMENT 'absent: compacted, or the end of a transaction; lost: deleted before it was read; reset: the topic was made anew, and what follows are other records at the same offsets'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(ingested_at)
ORDER BY (topic, `partition`, first_offset, last_offset, kind, ingested_at)
TTL toDateTime(ingested_at) + toIntervalSecond(7776000)
SETTINGS
    non_replicated_deduplication_window = 10000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800,
    ttl_only_drop_parts = 1
COMMENT 'Offsets that held no record when they were read, and why. Read with FINAL.';

CREATE OR REPLACE VIEW ingest_audit AS
SELECT
    a.topic                                 AS topic,
    a.`partition`                           AS `partition`,
    a.min_offset                            AS min_offset,
    a.max_offset                            AS max_offset,
    a.entries                               AS entries,
    a.distinct_offsets                      AS distinct_offsets,
    max_offset - min_offset + 1 - distinct_offsets AS gaps,
    a.repeats                               AS repeats,
    m.absent                                AS absent,
    m.lost                                  AS lost
FROM
(
    SELECT
        topic,
        `partition`,
        min(first)                          AS min_offset,
        max(last)                           AS max_offset,
        sum(n)                              AS entries,
        groupBitmapMerge(offsets)           AS distinct_offsets,
        sum(n - once)                       AS repeats
    FROM
    (
        SELECT
            topic, `partition`, item,
            min(offset)                         AS first,
            max(offset)                         AS last,
            count()                             AS n,
            groupBitmap(toUInt64(offset))       AS once,
            groupBitmapState(toUInt64(offset))  AS offsets
        FROM
        (
            SELECT topic, `partition`, offset, item FROM events
            UNION ALL
            SELECT topic, `partition`, offset, item FROM dead_letters
        )
        GROUP BY topic, `partition`, item
    )
    GROUP BY topic, `partition`
) AS a
LEFT JOIN
(
    SELECT topic, `partition`, sumIf(n, kind = 'absent') AS absent, sumIf(n, kind = 'lost') AS lost
    FROM
    (
        SELECT DISTINCT topic, `partition`, kind, first_offset, last_offset - first_offset + 1 AS n FROM missing_offsets
    )
    GROUP BY topic, `partition`
) AS m ON m.topic = a.topic AND m.`partition` = a.`partition`
COMMENT 'Is every record there, once? One row a partition over events and dead_letters: gaps counts offsets between the first and the last that are in neither, repeats counts entries (offset and item) stored more than once. absent and lost count the offsets that held no record when they were read (missing_offsets); tokenwatch audit tells which gaps they explain.';
