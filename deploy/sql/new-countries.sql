-- Which tokens were used from a country they had never been used from?
--
-- For: the daily look at what the detectors may have kept below an alert.
-- Answer: one row a token and country that it first showed within the time asked for, the strangest first: those with few
--   countries before, and much use now. A person who travels shows one country with the old client; a thief a new client too.
-- ATT&CK: T1550.001
-- Parameter: hours UInt32 = 24     how far back a country counts as new
-- Parameter: min_days UInt32 = 5   only tokens that were used on as many days before
SELECT
    lower(hex(token))                                       AS token_hex,
    token_hint, consumer, environment, new_country, first_seen, requests, addresses, networks, clients, usual_countries, days_before
FROM
(
    SELECT
        h.token                                             AS token,
        h.country                                           AS new_country,
        anyLast(h.token_hint)                               AS token_hint,
        anyLast(h.consumer)                                 AS consumer,
        anyLast(h.environment)                              AS environment,
        min(h.first_seen)                                   AS first_seen,
        sum(h.requests)                                     AS requests,
        uniqCombinedMerge(12)(h.addresses)                  AS addresses,
        arraySort(groupUniqArray(5)(toString(h.network)))   AS networks,
        arraySort(groupUniqArray(5)(h.client))              AS clients,
        any(b.countries)                                    AS usual_countries,
        any(b.days)                                         AS days_before
    FROM token_activity AS h
    INNER JOIN
    (
        SELECT token, arraySort(groupUniqArray(20)(country)) AS countries, uniqExact(toDate(hour)) AS days
        FROM token_activity
        WHERE last_seen < now('UTC') - toIntervalHour({hours:UInt32})
        GROUP BY token
    ) AS b ON b.token = h.token
    WHERE h.token NOT IN (SELECT token FROM token_renames WHERE newer) AND h.country != ''
    GROUP BY h.token, h.country
)
WHERE first_seen >= now('UTC') - toIntervalHour({hours:UInt32}) AND days_before >= {min_days:UInt32}
ORDER BY length(usual_countries), requests DESC, token_hex
LIMIT 500
