-- Which tokens show under two owners or in two environments?
--
-- For: tokens that were passed on, copied from test to production, or are used by somebody who names another owner.
-- Answer: one row a token with more than one owner or environment in its requests. After a renaming the old name stops where the new one
--   begins (overlap_hours is 0); when both go on together, two parties share one token.
-- ATT&CK: T1078.004
-- Parameter: days UInt32 = 30   how far back
SELECT
    lower(hex(token))                                   AS token_hex,
    anyLast(hint)                                       AS token_hint,
    arraySort(groupUniqArrayIf(10)(owner, owner != '')) AS owners,
    arraySort(groupUniqArrayIf(10)(env, env != ''))     AS environments,
    sum(n)                                              AS requests,
    greatest(0, dateDiff('hour', max(since), min(until))) AS overlap_hours,
    min(since)                                          AS first_seen,
    max(until)                                          AS last_seen
FROM
(
    SELECT e.token AS token, e.consumer AS owner, e.environment AS env, anyLast(e.token_hint) AS hint, count() AS n, min(e.ts) AS since, max(e.ts) AS until
    FROM events AS e
    WHERE e.ingested_at >= now('UTC') - toIntervalDay({days:UInt32} + 1) AND e.ts >= now('UTC') - toIntervalDay({days:UInt32})
    GROUP BY e.token, e.consumer, e.environment
)
GROUP BY token
HAVING length(owners) > 1 OR length(environments) > 1
ORDER BY overlap_hours DESC, requests DESC, token_hex
LIMIT 500
