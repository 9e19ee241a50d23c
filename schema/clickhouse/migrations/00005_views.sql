-- Views that read like an analyst's questions. Each has token_hex to show and token to
-- filter by: WHERE token = unhex('0123...') uses the index, token_hex cannot.

-- +goose NO TRANSACTION
-- +goose Up
CREATE VIEW IF NOT EXISTS token_profile AS
SELECT
    lower(hex(token))                             AS token_hex,
    anyLast(h.token_hint)                         AS token_hint,
    anyLast(h.consumer)                           AS consumer,
    anyLast(h.environment)                        AS environment,
    min(h.first_seen)                             AS first_seen,
    max(h.last_seen)                              AS last_seen,
    uniqExact(toDate(h.hour))                     AS active_days,
    sum(h.requests)                               AS requests,
    round(requests / active_days, 1)              AS requests_per_active_day,
    round(sum(h.errors) / requests, 4)            AS error_share,
    sum(h.denied)                                 AS denied,
    sum(h.bytes_out)                              AS bytes_out,
    sum(h.units_in)                               AS units_in,
    sum(h.units_out)                              AS units_out,
    round(sum(h.cost_usd), 4)                     AS cost_usd,
    uniqCombinedMerge(12)(h.addresses)            AS addresses,
    topKWeighted(5)(h.country, h.requests)        AS countries,
    topKWeighted(5)(toString(h.network), h.requests) AS networks,
    topKWeighted(5)(h.client, h.requests)         AS clients,
    sumForEach(arrayMap(i -> if(toHour(h.hour) = i, h.requests, 0), range(24))) AS hours_utc,
    token
FROM activity_hours AS h
GROUP BY token
COMMENT 'What is this token''s normal? One row a token: owner, since when, how much, from where, with what, and requests by hour of day (UTC, index 1 is midnight).';

CREATE VIEW IF NOT EXISTS token_places AS
SELECT
    lower(hex(token))                  AS token_hex,
    h.country                          AS country,
    h.region                           AS region,
    h.city                             AS city,
    h.asn                              AS asn,
    anyLast(h.as_org)                  AS as_org,
    h.network                          AS network,
    sum(h.requests)                    AS requests,
    round(requests / sum(requests) OVER (PARTITION BY token), 4) AS share,
    uniqExact(toDate(h.hour))          AS active_days,
    uniqCombinedMerge(12)(h.addresses) AS addresses,
    min(h.first_seen)                  AS first_seen,
    max(h.last_seen)                   AS last_seen,
    token
FROM activity_hours AS h
GROUP BY token, country, region, city, asn, network
COMMENT 'From where is this token used, since when, how much? One row a token, city and network; share is of the token''s requests.';

CREATE VIEW IF NOT EXISTS token_hours AS
SELECT
    lower(hex(token))                  AS token_hex,
    toHour(h.hour)                     AS hour_utc,
    sum(h.requests)                    AS requests,
    round(requests / sum(requests) OVER (PARTITION BY token), 4) AS share,
    sumIf(h.requests, toDayOfWeek(h.hour) <= 5) AS on_weekdays,
    sumIf(h.requests, toDayOfWeek(h.hour) > 5)  AS on_weekends,
    uniqExact(toDate(h.hour))          AS active_days,
    max(h.last_seen)                   AS last_seen,
    token
FROM activity_hours AS h
GROUP BY token, hour_utc
COMMENT 'At which hours is this token used? One row a token and hour of day (UTC); an hour without a row was never used.';

CREATE VIEW IF NOT EXISTS token_rate AS
SELECT
    lower(hex(token))                          AS token_hex,
    count()                                    AS active_minutes,
    sum(r)                                     AS requests,
    quantileExact(0.5)(r)                      AS median_minute,
    quantileExact(0.99)(r)                     AS p99_minute,
    max(r)                                     AS peak_minute,
    argMax(minute, r)                          AS peak_at,
    max(bytes)                                 AS peak_bytes_out,
    max(spent)                                 AS peak_cost_usd,
    max(minute)                                AS last_minute,
    token
FROM
(
    SELECT token, minute, sum(m.requests) AS r, sum(m.bytes_out) AS bytes, sum(m.cost_usd) AS spent
    FROM activity_minutes AS m
    GROUP BY token, minute
)
GROUP BY token
COMMENT 'How fast is this token used? One row a token over the minutes in which it was used at all, as far back as minutes are kept.';

CREATE VIEW IF NOT EXISTS dead_letter_reasons AS
SELECT
    reason,
    source,
    topic,
    count()                       AS records,
    min(ingested_at)              AS first_at,
    max(ingested_at)              AS last_at,
    argMax(detail, ingested_at)   AS last_detail,
    argMax(payload, ingested_at)  AS last_payload
FROM dead_letters
GROUP BY reason, source, topic
ORDER BY records DESC
COMMENT 'Why are records refused? One row a reason, format and topic, with the newest example.';

CREATE VIEW IF NOT EXISTS ingest_audit AS
SELECT
    topic,
    `partition`,
    min(first)                              AS min_offset,
    max(last)                               AS max_offset,
    sum(n)                                  AS entries,
    groupBitmapMerge(offsets)               AS distinct_offsets,
    max_offset - min_offset + 1 - distinct_offsets AS gaps,
    sum(n - once)                           AS repeats
FROM
(
    SELECT
        topic, `partition`, item, refused,
        min(offset)                         AS first,
        max(offset)                         AS last,
        count()                             AS n,
        groupBitmap(toUInt64(offset))       AS once,
        groupBitmapState(toUInt64(offset))  AS offsets
    FROM
    (
        SELECT topic, `partition`, offset, item, 0 AS refused FROM events
        UNION ALL
        SELECT topic, `partition`, offset, item, 1 AS refused FROM dead_letters
    )
    GROUP BY topic, `partition`, item, refused
)
GROUP BY topic, `partition`
COMMENT 'Is every record there, once? One row a partition over events and dead_letters: gaps counts offsets between the first and the last that are in neither (compacted topics and transactions have such), repeats counts entries (offset and item) stored more than once.';
