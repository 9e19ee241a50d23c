-- Which addresses were refused with token after token until one worked?
--
-- For: finding the token that a thief with a list got in with.
-- Answer: one row an address that was refused (401, 403) with several tokens and was let in with another. worked are the tokens to
--   revoke first: whoever holds the others holds these too.
-- ATT&CK: T1110.004
-- Parameter: hours UInt32 = 168      how far back
-- Parameter: min_refused UInt32 = 3  as many different tokens were refused
SELECT
    ip,
    countIf(refused > 0 AND let_in = 0)                             AS refused_tokens,
    countIf(let_in > 0)                                             AS working_tokens,
    arraySort(groupUniqArrayIf(10)(token_hint, let_in > 0))         AS worked,
    arraySort(groupUniqArrayIf(10)(lower(hex(token)), let_in > 0))  AS worked_hex,
    sum(refused)                                                    AS refusals,
    any(place)                                                      AS place,
    any(org)                                                        AS as_org,
    min(first_seen)                                                 AS first_seen,
    max(last_seen)                                                  AS last_seen
FROM
(
    SELECT
        e.ip AS ip, e.token AS token, anyLast(e.token_hint) AS token_hint, countIf(e.status IN (401, 403)) AS refused,
        countIf(e.status BETWEEN 200 AND 299) AS let_in, anyLast(concat(e.city, ', ', e.country)) AS place, anyLast(e.as_org) AS org,
        min(e.ts) AS first_seen, max(e.ts) AS last_seen
    FROM events AS e
    WHERE e.ingested_at >= now('UTC') - toIntervalHour({hours:UInt32} + 1) AND e.ts >= now('UTC') - toIntervalHour({hours:UInt32}) AND e.ip != toIPv6('::')
    GROUP BY e.ip, e.token
)
GROUP BY ip
HAVING refused_tokens >= {min_refused:UInt32} AND working_tokens > 0
ORDER BY refused_tokens DESC, ip
LIMIT 200
