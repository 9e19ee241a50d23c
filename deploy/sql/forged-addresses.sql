-- Who forges the address that requests seem to come from?
--
-- For: visitors who write an X-Forwarded-For of their own, to look like the owner or to slip past an allow-list.
-- Answer: one row a token and true address whose forwarding chain contradicted itself. Many tokens with the same as_org is a
--   proxy of yours that trusted_proxies lacks; a single token from a strange network is somebody who knows what he does.
-- ATT&CK: T1036
-- Parameter: hours UInt32 = 168   how far back
SELECT
    lower(hex(e.token))                         AS token_hex,
    anyLast(e.token_hint)                       AS token_hint,
    anyLast(e.consumer)                         AS consumer,
    e.ip                                        AS ip,
    anyLast(e.country)                          AS country,
    anyLast(e.as_org)                           AS as_org,
    anyLast(e.network)                          AS network,
    count()                                     AS forged_requests,
    countIf(e.status BETWEEN 200 AND 299)       AS let_in,
    min(e.ts)                                   AS first_seen,
    max(e.ts)                                   AS last_seen
FROM events AS e
WHERE e.ip_spoofed AND e.ingested_at >= now('UTC') - toIntervalHour({hours:UInt32} + 1) AND e.ts >= now('UTC') - toIntervalHour({hours:UInt32})
GROUP BY e.token, e.ip
ORDER BY forged_requests DESC, token_hex, ip
LIMIT 500
