-- Which tokens are used at an hour at which they never were?
--
-- For: a thief lives by another clock than the owner.
-- Answer: one row a token used within the time asked for at hours of the day (UTC) in which, on many days before, it was never used, nor
--   in the hour before or after. Tokens that are used around the clock never appear. Late work looks the same: see whether place and
--   client are the usual ones.
-- ATT&CK: T1550.001
-- Parameter: hours UInt32 = 24      how far back
-- Parameter: min_days UInt32 = 10   only tokens that were used on as many days before
SELECT
    lower(hex(token))                       AS token_hex,
    anyLast(hint)                           AS token_hint,
    anyLast(owner)                          AS consumer,
    arraySort(groupUniqArrayIf(24)(o, recent)) AS hours_now,
    arraySort(groupUniqArrayIf(24)(o, NOT recent)) AS usual_hours,
    arrayFilter(x -> NOT has(usual_hours, x) AND NOT has(usual_hours, (x + 1) % 24) AND NOT has(usual_hours, (x + 23) % 24), hours_now) AS odd_hours,
    uniqExactIf(toDate(at), NOT recent)     AS days_before,
    sumIf(n, recent)                        AS requests_now,
    arraySort(groupUniqArrayIf(5)(place, recent)) AS countries_now
FROM
(
    SELECT
        h.token AS token, h.hour AS at, toHour(h.hour) AS o, h.hour >= toStartOfHour(now('UTC')) - toIntervalHour({hours:UInt32}) AS recent,
        h.requests AS n, h.token_hint AS hint, h.consumer AS owner, h.country AS place
    FROM token_activity AS h
    WHERE h.token NOT IN (SELECT token FROM token_renames WHERE newer)
)
GROUP BY token
HAVING days_before >= {min_days:UInt32} AND notEmpty(odd_hours)
ORDER BY requests_now DESC, token_hex
LIMIT 500
