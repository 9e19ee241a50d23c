-- When did logs stop coming, or stop being readable?
--
-- For: who can switch off a gateway's log, or break its format, is not seen by anything here.
-- Answer: one row a topic, format and hour in which requests fell under a tenth of what the same topic and format usually brings in an hour,
--   or in which more than half of the records were refused. The first is an outage, or a log that was switched off; the second a change
--   of format: tokenwatch deadletters list says which. One that stopped for good is listed for every hour since.
-- ATT&CK: T1562.008
-- Parameter: hours UInt32 = 48       how far back
-- Parameter: usual UInt32 = 50       topics and formats that bring less than that in an hour are left out
SELECT
    g.topic AS topic, g.source AS source, g.hour AS hour, coalesce(i.requests, 0) AS requests, round(g.median) AS usual_requests,
    coalesce(i.dead_letters, 0) AS dead_letters, if(coalesce(i.dead_letters, 0) > coalesce(i.requests, 0), 'refused', 'silent') AS why
FROM
(
    SELECT topic, source, median, arrayJoin(arrayMap(x -> toStartOfHour(now('UTC')) - toIntervalHour(x), range(1, toUInt32({hours:UInt32} + 1)))) AS hour
    FROM
    (
        SELECT topic, source, quantileExact(0.5)(requests) AS median, min(hour) AS since
        FROM ingest_hours WHERE hour < toStartOfHour(now('UTC')) AND requests > 0 GROUP BY topic, source
    )
    WHERE median >= {usual:UInt32} AND hour >= since
) AS g
LEFT JOIN ingest_hours AS i ON i.topic = g.topic AND i.source = g.source AND i.hour = g.hour
WHERE coalesce(i.requests, 0) < 0.1 * g.median OR coalesce(i.dead_letters, 0) > coalesce(i.requests, 0)
ORDER BY hour DESC, topic, source
LIMIT 500
