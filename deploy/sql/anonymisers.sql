-- Which tokens are used through Tor or a VPN, and did not use to be?
--
-- For: visitors who hide where they are.
-- Answer: one row a token that was used from an address listed as Tor exit or VPN. usual_share near 1: its owner works that way.
--   Near 0: somebody hides. Needs lists of such addresses (geo.tor, geo.vpn in the configuration); without them there are no rows.
-- ATT&CK: T1090.003
-- Parameter: hours UInt32 = 24   how far back
WITH h.network IN ('tor', 'vpn') AS hidden
SELECT
    lower(hex(h.token))                                             AS token_hex,
    anyLast(h.token_hint)                                           AS token_hint,
    anyLast(h.consumer)                                             AS consumer,
    sumIf(h.requests, h.hour >= since AND hidden)                   AS hidden_requests,
    arraySort(groupUniqArrayIf(7)(toString(h.network), h.hour >= since AND hidden)) AS networks,
    arraySort(groupUniqArrayIf(10)(h.country, h.hour >= since AND hidden)) AS exits_in,
    if(sumIf(h.requests, h.hour < since) = 0, 0, round(sumIf(h.requests, h.hour < since AND hidden) / sumIf(h.requests, h.hour < since), 4)) AS usual_share,
    minIf(h.first_seen, h.hour >= since AND hidden)                 AS first_seen,
    toStartOfHour(now('UTC')) - toIntervalHour({hours:UInt32})      AS since
FROM token_activity AS h
WHERE h.token NOT IN (SELECT token FROM token_renames WHERE newer)
GROUP BY h.token
HAVING hidden_requests > 0
ORDER BY usual_share, hidden_requests DESC, token_hex
LIMIT 500
