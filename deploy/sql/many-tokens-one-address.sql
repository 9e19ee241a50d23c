-- Which addresses use many owners' tokens?
--
-- For: somebody tries a list of stolen tokens, or a tool of yours leaked everybody's.
-- Answer: one row an address with tokens of several owners within the time asked for, those with most owners first. new_tokens counts
--   the tokens that had never come from that address's network before. Many, and of many owners, is a campaign; a corporate egress, a
--   mobile carrier or your own gateway's health check has new_tokens near 0.
-- ATT&CK: T1110.004
-- Parameter: hours UInt32 = 24      how far back
-- Parameter: min_owners UInt32 = 3  as many different owners
SELECT
    e.ip                                                AS ip,
    uniqExact(e.token)                                  AS tokens,
    uniqExact(e.consumer)                               AS owners,
    uniqExactIf(e.token, (e.token, e.asn) NOT IN
        (SELECT token, asn FROM activity_hours WHERE hour < toStartOfHour(now('UTC')) - toIntervalHour({hours:UInt32}))) AS new_tokens,
    count()                                             AS requests,
    countIf(e.status IN (401, 403))                     AS denied,
    anyLast(e.country)                                  AS country,
    anyLast(e.as_org)                                   AS as_org,
    anyLast(e.network)                                  AS network,
    arraySort(groupUniqArray(5)(e.client))              AS clients,
    arraySort(groupUniqArray(10)(e.token_hint))         AS token_hints,
    min(e.ts)                                           AS first_seen,
    max(e.ts)                                           AS last_seen
FROM events AS e
WHERE e.ingested_at >= now('UTC') - toIntervalHour({hours:UInt32} + 1) AND e.ts >= now('UTC') - toIntervalHour({hours:UInt32}) AND e.ip != toIPv6('::')
GROUP BY e.ip
HAVING owners >= {min_owners:UInt32}
ORDER BY owners DESC, tokens DESC, ip
LIMIT 200
