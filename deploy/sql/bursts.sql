-- Which tokens had a minute such as they never had before?
--
-- For: automated collection by somebody in a hurry, and programs that run wild.
-- Answer: one row a token whose busiest minute within the time asked for is times the busiest of the days before. Sort out retries first:
--   error_share near 1 is a client that fights an outage.
-- ATT&CK: T1119
-- Parameter: hours UInt32 = 24       how far back
-- Parameter: days UInt32 = 14        the past to compare with
-- Parameter: times Float64 = 5       as many times the busiest minute of the past
-- Parameter: min_requests UInt32 = 60  fewer within a minute are not worth looking at
SELECT
    lower(hex(token))                                       AS token_hex,
    anyLast(hint)                                           AS token_hint,
    anyLast(owner)                                          AS consumer,
    maxIf(n, minute >= since)                               AS peak_now,
    maxIf(n, minute < since)                                AS peak_before,
    round(peak_now / greatest(peak_before, 1), 1)           AS times,
    argMaxIf(minute, n, minute >= since)                    AS peak_at,
    round(argMaxIf(failed / n, n, minute >= since), 3)      AS error_share,
    countIf(minute < since)                                 AS minutes_before,
    now('UTC') - toIntervalHour({hours:UInt32})             AS since
FROM
(
    SELECT
        e.token AS token, toStartOfMinute(toDateTime(e.ts, 'UTC')) AS minute, count() AS n, countIf(e.status >= 400) AS failed,
        anyLast(e.token_hint) AS hint, anyLast(e.consumer) AS owner
    FROM events AS e
    WHERE e.ingested_at >= now('UTC') - toIntervalDay({days:UInt32} + 1) AND e.ts >= now('UTC') - toIntervalDay({days:UInt32})
    GROUP BY e.token, minute
)
GROUP BY token
HAVING minutes_before > 0 AND peak_now >= {min_requests:UInt32} AND peak_now >= {times:Float64} * peak_before
ORDER BY times DESC, token_hex
LIMIT 200
