-- Which tokens carried far more data out than on any day before?
--
-- For: theft of data, seen from the side of the bytes.
-- Answer: one row a token whose answers of the last 24 hours are times the largest day of the past. With times above 3, and a place or
--   client that is new as well (token-news), treat it as theft of data; alone it may be a migration or a backup.
-- ATT&CK: T1530
-- Parameter: days UInt32 = 30              the past to compare with
-- Parameter: times Float64 = 3             as many times the largest day
-- Parameter: min_bytes UInt64 = 100000000  less than that is not worth looking at
SELECT
    lower(hex(token)) AS token_hex, token_hint, consumer, bytes_out, largest_day_before, round(bytes_out / greatest(largest_day_before, 1), 1) AS times,
    days_before, requests, countries, clients
FROM
(
    SELECT
        token, anyLast(hint) AS token_hint, anyLast(owner) AS consumer,
        sumIf(bytes, age = 0)           AS bytes_out,
        maxIf(bytes, age > 0)           AS largest_day_before,
        countIf(age > 0)                AS days_before,
        sumIf(n, age = 0)               AS requests,
        arraySort(groupUniqArrayArrayIf(10)(its_countries, age = 0)) AS countries,
        arraySort(groupUniqArrayArrayIf(10)(its_clients, age = 0))   AS clients
    FROM
    (
        SELECT
            h.token AS token, intDiv(dateDiff('hour', h.hour, toStartOfHour(now('UTC'))), 24) AS age, sum(h.bytes_out) AS bytes, sum(h.requests) AS n,
            anyLast(h.token_hint) AS hint, anyLast(h.consumer) AS owner, groupUniqArray(10)(h.country) AS its_countries, groupUniqArray(10)(h.client) AS its_clients
        FROM token_activity AS h
        WHERE h.hour > toStartOfHour(now('UTC')) - toIntervalDay({days:UInt32} + 1) AND h.token NOT IN (SELECT token FROM token_renames WHERE newer)
        GROUP BY h.token, age
    )
    GROUP BY token
)
WHERE days_before > 0 AND bytes_out >= {min_bytes:UInt64} AND bytes_out >= {times:Float64} * largest_day_before
ORDER BY bytes_out DESC, token_hex
LIMIT 200
