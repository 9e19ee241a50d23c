-- Further views that read like an analyst's questions, beside those of 00005 and 00006. Where a view lists tokens, a
-- token whose pepper was rotated is listed once, by its newest name; where one is asked for a token, any name will do.
-- "Today" begins at midnight UTC. What each column means is said in 00061.

-- +goose NO TRANSACTION
-- +goose Up
CREATE VIEW IF NOT EXISTS token_clients AS
SELECT
    lower(hex(token))                  AS token_hex,
    h.client                           AS client,
    sum(h.requests)                    AS requests,
    round(requests / sum(requests) OVER (PARTITION BY token), 4) AS share,
    uniqExact(toDate(h.hour))          AS active_days,
    uniqCombinedMerge(12)(h.addresses) AS addresses,
    min(h.first_seen)                  AS first_seen,
    max(h.last_seen)                   AS last_seen,
    token
FROM token_activity AS h
GROUP BY token, client
COMMENT 'With which programs is this token used, since when, how much? One row a token and client.';

CREATE VIEW IF NOT EXISTS token_networks AS
SELECT
    lower(hex(token))                  AS token_hex,
    h.asn                              AS asn,
    anyLast(h.as_org)                  AS as_org,
    h.network                          AS network,
    sum(h.requests)                    AS requests,
    round(requests / sum(requests) OVER (PARTITION BY token), 4) AS share,
    arraySort(groupUniqArray(50)(h.country)) AS countries,
    uniqExact(toDate(h.hour))          AS active_days,
    uniqCombinedMerge(12)(h.addresses) AS addresses,
    min(h.first_seen)                  AS first_seen,
    max(h.last_seen)                   AS last_seen,
    token
FROM token_activity AS h
GROUP BY token, asn, network
COMMENT 'From which networks is this token used, since when, how much? One row a token, autonomous system and kind of network.';

CREATE VIEW IF NOT EXISTS token_routes AS
SELECT
    lower(hex(token))                AS token_hex,
    r.method                         AS method,
    r.route                          AS route,
    count()                          AS requests,
    round(requests / sum(requests) OVER (PARTITION BY token), 4) AS share,
    countIf(r.status >= 400)         AS errors,
    countIf(r.status IN (401, 403))  AS denied,
    sum(r.bytes_out)                 AS bytes_out,
    min(r.ts)                        AS first_seen,
    max(r.ts)                        AS last_seen,
    token
FROM
(
    SELECT token, method, route, status, bytes_out, ts FROM events
    UNION ALL
    SELECT n.token AS token, e.method, e.route, e.status, e.bytes_out, e.ts
    FROM events AS e
    INNER JOIN token_other_names AS n ON n.name = e.token
) AS r
GROUP BY token, method, route
COMMENT 'What is this token used for? One row a token, method and route, as far back as events are kept. Filter by token.';

CREATE VIEW IF NOT EXISTS token_days AS
SELECT
    lower(hex(token))                  AS token_hex,
    toDate(h.hour)                     AS day,
    sum(h.requests)                    AS requests,
    sum(h.errors)                      AS errors,
    sum(h.denied)                      AS denied,
    sum(h.bytes_out)                   AS bytes_out,
    sum(h.units_in) + sum(h.units_out) AS units,
    round(sum(h.cost_usd), 4)          AS cost_usd,
    uniqExact(h.hour)                  AS active_hours,
    uniqCombinedMerge(12)(h.addresses) AS addresses,
    arraySort(groupUniqArray(50)(h.country)) AS countries,
    arraySort(groupUniqArray(50)(h.client))  AS clients,
    min(h.first_seen)                  AS first_seen,
    max(h.last_seen)                   AS last_seen,
    token
FROM token_activity AS h
GROUP BY token, day
COMMENT 'What did this token do each day? One row a token and day (UTC) on which it was used.';

CREATE VIEW IF NOT EXISTS new_places_today AS
SELECT
    lower(hex(token)) AS token_hex,
    p.token_hint      AS token_hint,
    p.consumer        AS consumer,
    p.environment     AS environment,
    p.country         AS country,
    p.region          AS region,
    p.city            AS city,
    p.asn             AS asn,
    p.as_org          AS as_org,
    p.network         AS network,
    toBool(p.country_since >= toStartOfDay(now('UTC'))) AS new_country,
    toBool(p.asn_since >= toStartOfDay(now('UTC')))     AS new_network,
    p.requests        AS requests,
    p.addresses       AS addresses,
    p.clients         AS clients,
    p.first_seen      AS first_seen,
    p.last_seen       AS last_seen,
    p.token_since     AS token_since,
    token
FROM
(
    SELECT
        h.token                              AS token,
        h.country                            AS country,
        h.region                             AS region,
        h.city                               AS city,
        h.asn                                AS asn,
        h.network                            AS network,
        anyLast(h.as_org)                    AS as_org,
        anyLast(h.token_hint)                AS token_hint,
        anyLast(h.consumer)                  AS consumer,
        anyLast(h.environment)               AS environment,
        sum(h.requests)                      AS requests,
        uniqCombinedMerge(12)(h.addresses)   AS addresses,
        arraySort(groupUniqArray(50)(h.client)) AS clients,
        min(h.first_seen)                    AS first_seen,
        max(h.last_seen)                     AS last_seen,
        min(min(h.first_seen)) OVER (PARTITION BY h.token)            AS token_since,
        min(min(h.first_seen)) OVER (PARTITION BY h.token, h.country) AS country_since,
        min(min(h.first_seen)) OVER (PARTITION BY h.token, h.asn)     AS asn_since
    FROM token_activity AS h
    WHERE h.token IN (SELECT token FROM token_activity WHERE hour >= toStartOfDay(now('UTC')))
        AND h.token NOT IN (SELECT token FROM token_renames WHERE newer)
    GROUP BY h.token, h.country, h.region, h.city, h.asn, h.network
) AS p
WHERE p.first_seen >= toStartOfDay(now('UTC')) AND p.token_since < toStartOfDay(now('UTC'))
COMMENT 'Which tokens were used today from where they had never been before? One row a token, city and network. Tokens that were first seen today have no before, and are left out.';

CREATE VIEW IF NOT EXISTS unused_tokens AS
SELECT
    lower(hex(token)) AS token_hex,
    t.token_hint      AS token_hint,
    t.consumer        AS consumer,
    t.environment     AS environment,
    t.first_seen      AS first_seen,
    t.last_seen       AS last_seen,
    dateDiff('day', t.last_seen, now('UTC')) AS silent_days,
    t.active_days     AS active_days,
    t.requests        AS requests,
    token
FROM
(
    SELECT h.token AS token, anyLast(h.token_hint) AS token_hint, anyLast(h.consumer) AS consumer, anyLast(h.environment) AS environment,
        min(h.first_seen) AS first_seen, max(h.last_seen) AS last_seen, uniqExact(toDate(h.hour)) AS active_days, sum(h.requests) AS requests
    FROM token_activity AS h
    WHERE h.token NOT IN (SELECT token FROM token_renames WHERE newer)
    GROUP BY h.token
) AS t
WHERE t.last_seen < now('UTC') - INTERVAL 30 DAY
COMMENT 'Which tokens does nobody use any more? One row a token that was silent for 30 days or longer; what is not used can be revoked before it is stolen.';

CREATE VIEW IF NOT EXISTS old_tokens AS
SELECT
    lower(hex(token)) AS token_hex,
    t.token_hint      AS token_hint,
    t.consumer        AS consumer,
    t.environment     AS environment,
    t.first_seen      AS first_seen,
    t.last_seen       AS last_seen,
    dateDiff('day', t.first_seen, now('UTC')) AS age_days,
    t.active_days     AS active_days,
    t.requests        AS requests,
    token
FROM
(
    SELECT h.token AS token, anyLast(h.token_hint) AS token_hint, anyLast(h.consumer) AS consumer, anyLast(h.environment) AS environment,
        min(h.first_seen) AS first_seen, max(h.last_seen) AS last_seen, uniqExact(toDate(h.hour)) AS active_days, sum(h.requests) AS requests
    FROM token_activity AS h
    WHERE h.token NOT IN (SELECT token FROM token_renames WHERE newer)
    GROUP BY h.token
) AS t
WHERE t.first_seen < now('UTC') - INTERVAL 90 DAY AND t.last_seen >= now('UTC') - INTERVAL 30 DAY
COMMENT 'Which tokens were never rotated? One row a token that is in use and was first seen 90 days ago or earlier.';

CREATE VIEW IF NOT EXISTS owner_tokens AS
SELECT
    o.consumer                       AS consumer,
    o.environment                    AS environment,
    count()                          AS tokens,
    countIf(o.last_seen >= now('UTC') - INTERVAL 7 DAY)  AS used_7_days,
    countIf(o.last_seen < now('UTC') - INTERVAL 30 DAY)  AS unused_30_days,
    countIf(o.first_seen < now('UTC') - INTERVAL 90 DAY) AS older_90_days,
    sum(o.requests)                  AS requests,
    sum(o.denied)                    AS denied,
    round(sum(o.cost_usd), 4)        AS cost_usd,
    arraySort(groupUniqArrayArray(50)(o.countries)) AS countries,
    countIf(o.token IN (SELECT token FROM incidents FINAL WHERE state != 'resolved')) AS tokens_in_incidents,
    min(o.first_seen)                AS first_seen,
    max(o.last_seen)                 AS last_seen
FROM
(
    SELECT h.token AS token, anyLast(h.consumer) AS consumer, anyLast(h.environment) AS environment, sum(h.requests) AS requests,
        sum(h.denied) AS denied, sum(h.cost_usd) AS cost_usd, groupUniqArray(50)(h.country) AS countries,
        min(h.first_seen) AS first_seen, max(h.last_seen) AS last_seen
    FROM token_activity AS h
    WHERE h.token NOT IN (SELECT token FROM token_renames WHERE newer)
    GROUP BY h.token
) AS o
GROUP BY consumer, environment
COMMENT 'Which tokens does an owner have, and in which state are they? One row an owner and environment.';

CREATE VIEW IF NOT EXISTS shared_addresses AS
SELECT
    e.ip                             AS ip,
    uniqExact(e.token)               AS tokens,
    uniqExact(e.consumer)            AS owners,
    count()                          AS requests,
    countIf(e.status IN (401, 403))  AS denied,
    anyLast(e.country)               AS country,
    anyLast(e.asn)                   AS asn,
    anyLast(e.as_org)                AS as_org,
    anyLast(e.network)               AS network,
    arraySort(groupUniqArray(20)(e.token_hint)) AS token_hints,
    min(e.ts)                        AS first_seen,
    max(e.ts)                        AS last_seen
FROM events AS e
WHERE e.ingested_at >= now('UTC') - INTERVAL 8 DAY AND e.ts >= now('UTC') - INTERVAL 7 DAY AND e.ip != toIPv6('::')
GROUP BY ip
HAVING tokens > 1
COMMENT 'Which addresses used several tokens in the last 7 days? One row an address. An egress of one company has one owner or few; a thief with a list has many.';

CREATE VIEW IF NOT EXISTS open_incidents AS
SELECT
    i.id                                        AS incident,
    i.state                                     AS state,
    i.severity                                  AS severity,
    i.score                                     AS score,
    i.token_hint                                AS token_hint,
    i.consumer                                  AS consumer,
    i.environment                               AS environment,
    i.opened                                    AS opened,
    i.updated                                   AS updated,
    dateDiff('minute', i.opened, now('UTC'))    AS age_minutes,
    i.summary                                   AS summary,
    i.detectors                                 AS detectors,
    i.requests                                  AS requests,
    i.addresses                                 AS addresses,
    lower(hex(i.token))                         AS token_hex,
    i.token                                     AS token
FROM incidents AS i FINAL
WHERE i.state != 'resolved'
ORDER BY severity DESC, score DESC, opened
COMMENT 'What waits for a decision? One row an incident that is not resolved, the worst first.';

CREATE VIEW IF NOT EXISTS incident_spans AS
SELECT
    s.id       AS id,
    s.token    AS token,
    least(s.opened, if(began > toDateTime64(0, 3, 'UTC'), began, s.opened)) AS since,
    s.updated  AS updated,
    s.state    AS state,
    s.severity AS severity,
    if(startsWith(JSONExtractString(s.incident, 'seen', 'since'), '0001'), toDateTime64(0, 3, 'UTC'),
        parseDateTime64BestEffortOrZero(JSONExtractString(s.incident, 'seen', 'since'), 3, 'UTC')) AS began
FROM incidents AS s FINAL
COMMENT 'From when to when is an incident? One row an incident: since its first evidence, up to its last finding. incident_requests has its requests.';

CREATE VIEW IF NOT EXISTS incident_requests AS
SELECT
    i.id                AS incident,
    e.ts                AS ts,
    e.ip                AS ip,
    e.country           AS country,
    e.region            AS region,
    e.city              AS city,
    e.asn               AS asn,
    e.as_org            AS as_org,
    e.network           AS network,
    e.method            AS method,
    e.route             AS route,
    e.path              AS path,
    e.status            AS status,
    e.bytes_in          AS bytes_in,
    e.bytes_out         AS bytes_out,
    e.latency_us        AS latency_us,
    e.user_agent        AS user_agent,
    e.client            AS client,
    e.units_in          AS units_in,
    e.units_out         AS units_out,
    e.cost_usd          AS cost_usd,
    e.request_id        AS request_id,
    e.topic             AS topic,
    e.`partition`       AS `partition`,
    e.offset            AS offset,
    e.item              AS item,
    lower(hex(e.token)) AS token_hex,
    e.token             AS token
FROM events AS e
INNER JOIN
(
    SELECT w.id AS id, w.token AS name, w.since AS since, w.updated AS updated
    FROM incident_spans AS w
    UNION ALL
    SELECT w.id AS id, n.name AS name, w.since AS since, w.updated AS updated
    FROM incident_spans AS w
    INNER JOIN token_other_names AS n ON n.token = w.token
) AS i ON i.name = e.token
WHERE e.ts >= i.since AND e.ts <= i.updated
    AND e.token IN (SELECT token FROM incidents UNION DISTINCT SELECT name FROM token_other_names WHERE token IN (SELECT token FROM incidents))
COMMENT 'Which requests is this incident about? One row a request from the incident''s first evidence to its last finding. Filter by incident; the hunting query incident-requests asks the same, and is quicker on a large table.';

CREATE VIEW IF NOT EXISTS incident_evidence AS
SELECT
    i.id                                                                            AS incident,
    JSONExtractString(e, 'detector')                                                AS detector,
    JSONExtractString(e, 'key')                                                     AS key,
    parseDateTime64BestEffortOrZero(JSONExtractString(e, 'time'), 3, 'UTC')         AS ts,
    round(JSONExtractFloat(e, 'llr'), 3)                                            AS llr,
    JSONExtractString(e, 'seen')                                                    AS seen,
    JSONExtractString(e, 'normal')                                                  AS normal,
    JSONExtractString(e, 'attack_id')                                               AS attack_id,
    i.state                                                                         AS state,
    i.severity                                                                      AS severity,
    i.token_hint                                                                    AS token_hint,
    i.consumer                                                                      AS consumer,
    lower(hex(i.token))                                                             AS token_hex,
    i.token                                                                         AS token
FROM incidents AS i FINAL
ARRAY JOIN JSONExtractArrayRaw(i.incident, 'evidence') AS e
COMMENT 'Why was this incident opened? One row an incident and reason, with what was seen and what is normal.';

CREATE VIEW IF NOT EXISTS incident_deliveries AS
SELECT
    i.id                                                                    AS incident,
    JSONExtractString(d, 'destination')                                     AS destination,
    if(startsWith(JSONExtractString(d, 'at'), '0001'), toDateTime64(0, 3, 'UTC'),
        parseDateTime64BestEffortOrZero(JSONExtractString(d, 'at'), 3, 'UTC'))  AS at,
    JSONExtractUInt(d, 'revision')                                          AS revision,
    i.revision                                                              AS newest_revision,
    JSONExtractUInt(d, 'attempts')                                          AS attempts,
    JSONExtractString(d, 'error')                                           AS error,
    JSONExtractString(d, 'ref')                                             AS ref,
    i.severity                                                              AS severity,
    i.token_hint                                                            AS token_hint,
    i.consumer                                                              AS consumer
FROM incidents AS i FINAL
ARRAY JOIN JSONExtractArrayRaw(i.incident, 'deliveries') AS d
COMMENT 'Who was told of this incident, when, and did it arrive? One row an incident and destination.';

CREATE VIEW IF NOT EXISTS findings_today AS
SELECT
    f.ts                                    AS ts,
    f.severity                              AS severity,
    round(f.score, 3)                       AS score,
    f.token_hint                            AS token_hint,
    f.consumer                              AS consumer,
    f.environment                           AS environment,
    f.summary                               AS summary,
    arrayDistinct(f.evidence.detector)      AS detectors,
    f.evidence.seen[1]                      AS strongest_seen,
    f.evidence.normal[1]                    AS strongest_normal,
    arrayDistinct(arrayFilter(a -> a != '', f.evidence.attack_id)) AS attack_ids,
    lower(hex(f.token))                     AS token_hex,
    f.token                                 AS token
FROM findings AS f FINAL
WHERE f.ts >= toStartOfDay(now('UTC'))
ORDER BY ts DESC
COMMENT 'What was found today? One row a finding, the newest first. Not every finding becomes an incident.';

CREATE VIEW IF NOT EXISTS alerts_per_day AS
SELECT
    d.day                                               AS day,
    sum(d.incidents)                                    AS incidents,
    sum(d.critical)                                     AS critical,
    sum(d.high)                                         AS high,
    sum(d.medium)                                       AS medium,
    sum(d.low)                                          AS low,
    sum(d.findings)                                     AS findings,
    sum(d.active_tokens)                                AS active_tokens,
    if(active_tokens = 0, 0, round(1000 * incidents / active_tokens, 3)) AS per_1000_tokens
FROM
(
    SELECT toDate(i.opened) AS day, count() AS incidents, countIf(i.severity = 'critical') AS critical, countIf(i.severity = 'high') AS high,
        countIf(i.severity = 'medium') AS medium, countIf(i.severity <= 'low') AS low, 0 AS findings, 0 AS active_tokens
    FROM incidents AS i FINAL
    WHERE i.opened >= toStartOfDay(now('UTC')) - INTERVAL 90 DAY
    GROUP BY day
    UNION ALL
    SELECT toDate(f.ts) AS day, 0, 0, 0, 0, 0, count(), 0
    FROM findings AS f FINAL
    WHERE f.ts >= toStartOfDay(now('UTC')) - INTERVAL 90 DAY
    GROUP BY day
    UNION ALL
    SELECT toDate(h.hour) AS day, 0, 0, 0, 0, 0, 0, uniqExact(h.token)
    FROM activity_hours AS h
    WHERE h.hour >= toStartOfDay(now('UTC')) - INTERVAL 90 DAY
    GROUP BY day
) AS d
GROUP BY day
ORDER BY day DESC
COMMENT 'How many alerts are there a day, and is that within the budget? One row a day (UTC) of the last 90..';

CREATE VIEW IF NOT EXISTS detector_share AS
SELECT
    f.detector                          AS detector,
    count()                             AS findings,
    round(findings / greatest(1, (SELECT uniqExact(id) FROM findings WHERE ts >= now('UTC') - INTERVAL 30 DAY)), 4) AS share,
    countIf(f.strongest = f.detector)   AS strongest,
    countIf(f.voices = 1)               AS alone,
    round(avg(f.llr), 3)                AS mean_llr,
    uniqExact(f.token)                  AS tokens,
    max(f.ts)                           AS last_at
FROM
(
    SELECT id, token, ts, evidence.detector AS all_detectors, evidence.llr AS llrs, all_detectors[1] AS strongest,
        length(arrayDistinct(all_detectors)) AS voices, arrayJoin(arrayDistinct(all_detectors)) AS detector,
        arraySum((d, l) -> if(d = detector, l, 0), all_detectors, llrs) AS llr
    FROM findings FINAL
    WHERE ts >= now('UTC') - INTERVAL 30 DAY
) AS f
GROUP BY detector
ORDER BY findings DESC, detector
COMMENT 'Which detectors speak, and how much does each say? One row a detector over the findings of the last 30 days.';

CREATE VIEW IF NOT EXISTS ingest_hours AS
SELECT
    r.hour                                  AS hour,
    r.topic                                 AS topic,
    r.source                                AS source,
    sum(r.requests)                         AS requests,
    sum(r.refused)                          AS dead_letters,
    sum(r.clamped)                          AS clamped,
    round(max(r.median_delay), 3)           AS median_delay_seconds,
    round(max(r.p95_delay), 3)              AS p95_delay_seconds
FROM
(
    SELECT toStartOfHour(toDateTime(e.ingested_at, 'UTC')) AS hour, e.topic AS topic, e.source AS source, count() AS requests, 0 AS refused,
        countIf(isNotNull(e.ts_raw)) AS clamped,
        quantileTDigest(0.5)(toUnixTimestamp64Milli(e.ingested_at) - toUnixTimestamp64Milli(e.ts)) / 1000 AS median_delay,
        quantileTDigest(0.95)(toUnixTimestamp64Milli(e.ingested_at) - toUnixTimestamp64Milli(e.ts)) / 1000 AS p95_delay
    FROM events AS e
    WHERE e.ingested_at >= now('UTC') - INTERVAL 7 DAY
    GROUP BY hour, topic, source
    UNION ALL
    SELECT toStartOfHour(toDateTime(d.ingested_at, 'UTC')) AS hour, d.topic AS topic, d.source AS source, 0, count(), 0, 0, 0
    FROM dead_letters AS d
    WHERE d.ingested_at >= now('UTC') - INTERVAL 7 DAY
    GROUP BY hour, topic, source
) AS r
GROUP BY hour, topic, source
ORDER BY hour DESC, topic, source
COMMENT 'What came in, hour by hour? One row an hour of the last 7 days, topic and format: requests, refused records, and how late they came. An hour without a row brought nothing.';
