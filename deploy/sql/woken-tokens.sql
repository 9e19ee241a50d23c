-- Which tokens woke up after a long sleep?
--
-- For: forgotten tokens are the ones whose theft nobody notices.
-- Answer: one row a token that was silent for long and was used again within the time asked for. same_place says whether a network it
--   woke up in is one that it was used from before; where it is false, ask the owner today.
-- ATT&CK: T1078.004
-- Parameter: hours UInt32 = 24         how far back
-- Parameter: silent_days UInt32 = 30   so long it was silent before
SELECT
    lower(hex(h.token))                                     AS token_hex,
    anyLast(h.token_hint)                                   AS token_hint,
    anyLast(h.consumer)                                     AS consumer,
    maxIf(h.last_seen, h.hour < since)                      AS asleep_since,
    minIf(h.first_seen, h.hour >= since)                    AS awake_since,
    dateDiff('day', asleep_since, awake_since)              AS slept_days,
    sumIf(h.requests, h.hour >= since)                      AS requests_now,
    arraySort(groupUniqArrayIf(5)(h.country, h.hour >= since)) AS countries_now,
    toBool(hasAny(groupUniqArrayIf(100)(h.asn, h.hour >= since), groupUniqArrayIf(100)(h.asn, h.hour < since))) AS same_place,
    toStartOfHour(now('UTC')) - toIntervalHour({hours:UInt32}) AS since
FROM token_activity AS h
WHERE h.token NOT IN (SELECT token FROM token_renames WHERE newer)
GROUP BY h.token
HAVING countIf(h.hour < since) > 0 AND requests_now > 0 AND slept_days >= {silent_days:UInt32}
ORDER BY same_place, slept_days DESC, token_hex
LIMIT 500
