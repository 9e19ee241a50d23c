-- Which tokens moved from people's networks into a data centre?
--
-- For: stolen tokens are tried from rented machines. Owners who work at home or at the office do not begin to do that by themselves.
-- Answer: one row a token that was used mostly from residential, mobile or business networks, and within the time asked for from
--   hosting. A job that its owner moved into the cloud looks the same, once, and then stays: ask the owner.
-- ATT&CK: T1583.003
-- Parameter: hours UInt32 = 24       how far back
-- Parameter: max_share Float64 = 0.05  of a token's earlier requests at most so many came from hosting
SELECT
    lower(hex(h.token))                                                     AS token_hex,
    anyLast(h.token_hint)                                                   AS token_hint,
    anyLast(h.consumer)                                                     AS consumer,
    sumIf(h.requests, h.hour < since)                                       AS requests_before,
    round(sumIf(h.requests, h.hour < since AND h.network = 'hosting') / requests_before, 4) AS hosting_share_before,
    sumIf(h.requests, h.hour >= since AND h.network = 'hosting')            AS hosting_requests_now,
    arraySort(groupUniqArrayIf(5)(concat('AS', toString(h.asn), ' ', h.as_org), h.hour >= since AND h.network = 'hosting')) AS hosters,
    arraySort(groupUniqArrayIf(5)(h.country, h.hour >= since AND h.network = 'hosting')) AS countries,
    minIf(h.first_seen, h.hour >= since AND h.network = 'hosting')          AS first_seen_there,
    toStartOfHour(now('UTC')) - toIntervalHour({hours:UInt32})              AS since
FROM token_activity AS h
WHERE h.token NOT IN (SELECT token FROM token_renames WHERE newer)
GROUP BY h.token
HAVING requests_before >= 20 AND hosting_share_before <= {max_share:Float64} AND hosting_requests_now > 0
ORDER BY hosting_requests_now DESC, token_hex
LIMIT 500
