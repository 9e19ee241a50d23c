-- Which tokens walk through everything there is, one id after the other?
--
-- For: theft of data by listing it: each object once, and never one twice.
-- Answer: one row a token and route with an id in it, of which many different paths were asked for within the time, nearly each of them
--   once. A cache warmer or a crawler of your own does the same every day: compare with token-history.
-- ATT&CK: T1213
-- Parameter: hours UInt32 = 24        how far back
-- Parameter: min_paths UInt32 = 100   as many different paths
SELECT
    lower(hex(e.token))                             AS token_hex,
    anyLast(e.token_hint)                           AS token_hint,
    anyLast(e.consumer)                             AS consumer,
    e.method                                        AS method,
    e.route                                         AS route,
    uniqExact(e.path)                               AS paths,
    count()                                         AS requests,
    round(paths / requests, 3)                      AS once_share,
    countIf(e.status = 404)                         AS not_there,
    sum(e.bytes_out)                                AS bytes_out,
    arraySort(groupUniqArray(5)(e.country))         AS countries,
    min(e.ts)                                       AS first_seen,
    max(e.ts)                                       AS last_seen
FROM events AS e
WHERE e.ingested_at >= now('UTC') - toIntervalHour({hours:UInt32} + 1) AND e.ts >= now('UTC') - toIntervalHour({hours:UInt32})
GROUP BY e.token, e.method, e.route
HAVING paths >= {min_paths:UInt32} AND once_share >= 0.8
ORDER BY paths DESC, token_hex
LIMIT 200
