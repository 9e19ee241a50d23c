-- A token keeps its history when the pepper is rotated (deploy/adr/0005-pepper-rotation.md). While a former pepper
-- is configured, an event also carries the fingerprint that the token had under it. token_renames
-- gathers those pairs, and what is asked of a token is answered from the rows of all its names.
--
-- A token's own rows are found by the primary key; those of its other names by a join, for which ClickHouse reads the
-- token column: nothing as long as no token was ever renamed, after that some 60 to 190 ms for 10 M rows on two busy
-- cores (12 to 18 ms with enable_join_runtime_filters_index_analysis = 1, which a view cannot set). Names are followed
-- over four rotations: as many as the retention of hours holds when peppers change every quarter.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE events ADD COLUMN IF NOT EXISTS
    former FixedString(16) COMMENT 'fingerprint under the former pepper while peppers are being rotated; else all zero' CODEC(ZSTD(1)) AFTER token_key;

CREATE TABLE IF NOT EXISTS token_renames
(
    token     FixedString(16) COMMENT 'fingerprint of a token; raw bytes, compare with unhex(...)',
    token_hex String ALIAS lower(hex(token)) COMMENT 'token as 32 hexadecimal digits',
    name      FixedString(16) COMMENT 'fingerprint of the same token under another pepper',
    name_hex  String ALIAS lower(hex(name)) COMMENT 'name as 32 hexadecimal digits',
    newer     Bool            COMMENT 'name is the newer one of the two',
    seen      DateTime('UTC') COMMENT 'when an event last carried both'
)
ENGINE = ReplacingMergeTree(seen)
ORDER BY (token, name, newer)
TTL seen + toIntervalSecond(34560000)
COMMENT 'Fingerprints of one token under two peppers, each pair in both directions. The view token_names has them for a token.';

CREATE MATERIALIZED VIEW IF NOT EXISTS token_renames_mv TO token_renames AS
SELECT pair.1 AS token, pair.2 AS name, pair.3 AS newer, max(toDateTime(ingested_at, 'UTC')) AS seen
FROM
(
    SELECT arrayJoin([(token, former, false), (former, token, true)]) AS pair, ingested_at
    FROM events
    WHERE former != toFixedString('', 16) AND former != token
)
GROUP BY token, name, newer;

CREATE VIEW IF NOT EXISTS token_other_names AS
WITH near AS
(
    SELECT token, name FROM token_renames
    UNION ALL
    SELECT a.token AS token, b.name AS name FROM token_renames AS a INNER JOIN token_renames AS b ON a.name = b.token
)
SELECT DISTINCT token, name
FROM
(
    SELECT token, name FROM near
    UNION ALL
    SELECT a.token AS token, b.name AS name FROM near AS a INNER JOIN near AS b ON a.name = b.token
)
WHERE token != name
COMMENT 'Under which other fingerprints is a renamed token known? One row a token and name, directly or over up to four rotations.';

CREATE VIEW IF NOT EXISTS token_names AS
SELECT DISTINCT token, token AS name
FROM activity_hours
UNION ALL
SELECT token, name
FROM token_other_names
COMMENT 'Under which fingerprints is this token known? One row a token and name, itself included. Single requests of all of them: SELECT ... FROM events WHERE token IN (SELECT name FROM token_names WHERE token = unhex(...)).';

CREATE VIEW IF NOT EXISTS token_activity AS
SELECT token, hour, country, region, city, asn, network, client,
    token_hint, consumer, environment, as_org, lat, lon,
    requests, errors, denied, bytes_in, bytes_out, units_in, units_out, cost_usd, first_seen, last_seen, addresses
FROM activity_hours
UNION ALL
SELECT n.token AS token, h.hour, h.country, h.region, h.city, h.asn, h.network, h.client, h.token_hint, h.consumer, h.environment, h.as_org,
    h.lat, h.lon, h.requests, h.errors, h.denied, h.bytes_in, h.bytes_out, h.units_in, h.units_out, h.cost_usd,
    h.first_seen, h.last_seen, h.addresses
FROM activity_hours AS h
INNER JOIN token_other_names AS n ON n.name = h.token
COMMENT 'activity_hours by every name of a token: the whole history under any of them. Filter by token; sums over all tokens count a renamed one once a name.';

CREATE VIEW IF NOT EXISTS token_minutes AS
SELECT token, minute, requests, errors, bytes_out, units, cost_usd
FROM activity_minutes
UNION ALL
SELECT
    n.token                                  AS token,
    toStartOfMinute(toDateTime(e.ts, 'UTC')) AS minute,
    count()                                  AS requests,
    countIf(e.status >= 400)                 AS errors,
    sum(e.bytes_out)                         AS bytes_out,
    sum(toUInt64(e.units_in) + e.units_out)  AS units,
    sum(e.cost_usd)                          AS cost_usd
FROM events AS e
INNER JOIN token_other_names AS n ON n.name = e.token
GROUP BY token, minute
COMMENT 'activity_minutes by every name of a token, like token_activity. Joined before they are counted, or those of all tokens would be counted first.';

CREATE OR REPLACE VIEW token_profile AS
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
    toBool(token IN (SELECT token FROM token_renames WHERE newer)) AS renamed,
    token
FROM token_activity AS h
GROUP BY token
COMMENT 'What is this token''s normal? One row a token: owner, since when, how much, from where, with what, and requests by hour of day (UTC, index 1 is midnight). A token whose pepper was rotated has a row, with all of its history, for each of its names; renamed is true for the older ones.';

CREATE OR REPLACE VIEW token_places AS
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
FROM token_activity AS h
GROUP BY token, country, region, city, asn, network
COMMENT 'From where is this token used, since when, how much? One row a token, city and network; share is of the token''s requests.';

CREATE OR REPLACE VIEW token_hours AS
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
FROM token_activity AS h
GROUP BY token, hour_utc
COMMENT 'At which hours is this token used? One row a token and hour of day (UTC); an hour without a row was never used.';

CREATE OR REPLACE VIEW token_rate AS
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
    FROM token_minutes AS m
    GROUP BY token, minute
)
GROUP BY token
COMMENT 'How fast is this token used? One row a token over the minutes in which it was used at all, as far back as minutes are kept.';
