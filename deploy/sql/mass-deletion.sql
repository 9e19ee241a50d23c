-- Which tokens delete in bulk?
--
-- For: sabotage, or ransom: the last thing that a thief does with a token.
-- Answer: one row a token and hour with many accepted DELETE requests. usual_an_hour is the most it ever deleted in one hour before:
--   a nightly clean-up has been there every night, at the same hour, from the same place.
-- ATT&CK: T1485
-- Parameter: hours UInt32 = 24        how far back
-- Parameter: days UInt32 = 60          the past to compare with
-- Parameter: min_deleted UInt32 = 20  as many accepted within an hour
SELECT
    lower(hex(token)) AS token_hex, token_hint, consumer, hour, deleted, usual_an_hour, routes, addresses, countries
FROM
(
    SELECT
        e.token                                     AS token,
        anyLast(e.token_hint)                       AS token_hint,
        anyLast(e.consumer)                         AS consumer,
        toStartOfHour(e.ts)                         AS hour,
        count()                                     AS deleted,
        arraySort(groupUniqArray(5)(e.route))       AS routes,
        arraySort(groupUniqArray(5)(e.ip))          AS addresses,
        arraySort(groupUniqArray(5)(e.country))     AS countries,
        max(count()) OVER (PARTITION BY e.token ORDER BY toStartOfHour(e.ts) ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS usual_an_hour
    FROM events AS e
    WHERE e.ingested_at >= now('UTC') - toIntervalDay({days:UInt32}) AND e.method = 'DELETE' AND e.status BETWEEN 200 AND 299
    GROUP BY e.token, toStartOfHour(e.ts)
)
WHERE hour >= now('UTC') - toIntervalHour({hours:UInt32}) AND deleted >= {min_deleted:UInt32} AND deleted > 3 * usual_an_hour
ORDER BY deleted DESC, token_hex, hour
LIMIT 200
