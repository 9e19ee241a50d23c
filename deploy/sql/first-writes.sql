-- Which tokens that only ever read have begun to write?
--
-- For: tampering, and thieves who make themselves at home (new keys, new users, webhooks).
-- Answer: one row a token with writes within the time asked for and none in the days before it, in which it read much. Look
--   at the routes: anything about keys, members, hooks or deployments is urgent.
-- ATT&CK: T1098.001
-- Parameter: hours UInt32 = 24      how far back
-- Parameter: days UInt32 = 60        the past to compare with
-- Parameter: min_reads UInt32 = 50  as many requests before, all of them reading
WITH e.method NOT IN ('GET', 'HEAD', 'OPTIONS', '') AS writes
SELECT
    lower(hex(e.token))                                     AS token_hex,
    anyLast(e.token_hint)                                   AS token_hint,
    anyLast(e.consumer)                                     AS consumer,
    countIf(e.ts < since)                                   AS reads_before,
    countIf(e.ts >= since AND writes)                       AS writes_now,
    countIf(e.ts >= since AND writes AND e.status < 300)    AS accepted,
    arraySort(groupUniqArrayIf(10)(concat(e.method, ' ', e.route), e.ts >= since AND writes)) AS written,
    minIf(e.ts, e.ts >= since AND writes)                   AS first_write,
    now('UTC') - toIntervalHour({hours:UInt32})             AS since
FROM events AS e
WHERE e.ingested_at >= now('UTC') - toIntervalDay({days:UInt32})
GROUP BY e.token
HAVING reads_before >= {min_reads:UInt32} AND countIf(e.ts < since AND writes) = 0 AND writes_now > 0
ORDER BY accepted DESC, writes_now DESC, token_hex
LIMIT 200
