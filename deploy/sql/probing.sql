-- Which tokens are being used to find out what they may do?
--
-- For: a thief does not know what a token is good for, and tries.
-- Answer: one row a token and hour with many different routes of which most were refused or not there. An owner's program that is
--   broken fails on one route a thousand times; a prober fails on a hundred routes once.
-- ATT&CK: T1526
-- Parameter: hours UInt32 = 24            how far back
-- Parameter: min_failed_paths UInt32 = 8  as many different paths failed within an hour
SELECT
    lower(hex(e.token))                                     AS token_hex,
    anyLast(e.token_hint)                                   AS token_hint,
    anyLast(e.consumer)                                     AS consumer,
    toStartOfHour(e.ts)                                     AS hour,
    uniqExactIf(e.path, e.status IN (401, 403, 404, 405))   AS failed_paths,
    uniqExact(e.route)                                      AS routes,
    count()                                                 AS requests,
    round(countIf(e.status IN (401, 403, 404, 405)) / requests, 3) AS failed_share,
    arraySort(groupUniqArrayIf(10)(e.path, e.status IN (401, 403, 404, 405))) AS examples,
    arraySort(groupUniqArray(5)(e.ip))                      AS addresses
FROM events AS e
WHERE e.ingested_at >= now('UTC') - toIntervalHour({hours:UInt32} + 1) AND e.ts >= now('UTC') - toIntervalHour({hours:UInt32})
GROUP BY e.token, hour
HAVING failed_paths >= {min_failed_paths:UInt32} AND failed_share >= 0.5
ORDER BY failed_paths DESC, token_hex, hour
LIMIT 200
