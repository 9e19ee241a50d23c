-- Which other tokens were used from the same addresses as this one?
--
-- For: a token is known to be stolen: what else does the thief hold?
-- Answer: one row a further token, with the addresses that it shares. Tokens of the same owner are usual; those of other owners,
--   above all ones first seen there only now, were probably stolen together. An address behind which a whole company or a mobile
--   network sits shares tokens without meaning: look at the network, and at shared_addresses.
-- ATT&CK: T1528
-- Parameter: token String = ''   fingerprint, 32 hexadecimal digits; empty: the token of the newest incident
-- Parameter: hours UInt32 = 168  how far back
WITH (SELECT if({token:String} != '', toFixedString(unhex({token:String}), 16), argMax(token, updated)) FROM incidents) AS wanted
SELECT
    lower(hex(e.token))                     AS token_hex,
    anyLast(e.token_hint)                   AS token_hint,
    anyLast(e.consumer)                     AS consumer,
    uniqExact(e.ip)                         AS shared_addresses,
    count()                                 AS requests_from_them,
    arraySort(groupUniqArray(5)(e.ip))      AS examples,
    arraySort(groupUniqArray(5)(toString(e.network))) AS networks,
    min(e.ts)                               AS first_seen_there,
    max(e.ts)                               AS last_seen_there
FROM events AS e
WHERE e.ingested_at >= now('UTC') - toIntervalHour({hours:UInt32} + 1)
    AND e.ts >= now('UTC') - toIntervalHour({hours:UInt32})
    AND e.ip IN
    (
        SELECT ip FROM events
        WHERE token IN (SELECT name FROM token_names WHERE token = wanted) AND ts >= now('UTC') - toIntervalHour({hours:UInt32}) AND ip != toIPv6('::')
    )
    AND e.token NOT IN (SELECT name FROM token_names WHERE token = wanted)
GROUP BY e.token
ORDER BY shared_addresses DESC, requests_from_them DESC, token_hex
LIMIT 200
