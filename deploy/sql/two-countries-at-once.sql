-- Which tokens are used from several countries in the same few minutes?
--
-- For: a thief who works while the owner does. Unlike impossible-travel it needs no coordinates, and sees the two take turns.
-- Answer: one row a token and stretch of time with requests from two countries or more. turns counts how often the country
--   changed: 1 can be a traveller or a phone that left the Wi-Fi, many are two machines.
-- ATT&CK: T1550.001
-- Parameter: hours UInt32 = 24    how far back
-- Parameter: minutes UInt32 = 10  length of a stretch
SELECT
    lower(hex(e.token))                                 AS token_hex,
    anyLast(e.token_hint)                               AS token_hint,
    anyLast(e.consumer)                                 AS consumer,
    toStartOfInterval(e.ts, toIntervalMinute({minutes:UInt32})) AS stretch,
    arraySort(groupUniqArray(10)(e.country))            AS countries,
    arraySort(groupUniqArray(10)(e.client))             AS clients,
    count()                                             AS requests,
    uniqExact(e.ip)                                     AS addresses,
    length(arrayCompact(arrayMap(p -> p.2, arraySort(groupArray(5000)((e.ts, e.country)))))) - 1 AS turns
FROM events AS e
WHERE e.ingested_at >= now('UTC') - toIntervalHour({hours:UInt32} + 1) AND e.ts >= now('UTC') - toIntervalHour({hours:UInt32}) AND e.country != ''
GROUP BY e.token, stretch
HAVING length(countries) > 1
ORDER BY turns DESC, requests DESC, token_hex, stretch
LIMIT 500
