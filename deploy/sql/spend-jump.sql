-- Which tokens spend far more than on any day before?
--
-- For: stolen keys of language models are sold and used until the budget is gone (LLMjacking).
-- Answer: one row a token whose spend, or units (prompt and answer tokens) where prices are not known, of the last 24 hours is times the
--   largest day of the past. New clients and hosting networks beside it settle the matter.
-- ATT&CK: T1496.004
-- Parameter: days UInt32 = 30            the past to compare with
-- Parameter: times Float64 = 3           as many times the largest day
-- Parameter: min_units UInt64 = 100000   fewer units than that are not worth looking at
SELECT
    lower(hex(token)) AS token_hex, token_hint, consumer, round(cost_usd, 2) AS cost_usd, round(dearest_day_before, 2) AS dearest_day_before,
    units, largest_day_before, round(units / greatest(largest_day_before, 1), 1) AS times, days_before, networks, clients
FROM
(
    SELECT
        token, anyLast(hint) AS token_hint, anyLast(owner) AS consumer,
        sumIf(spent, age = 0)       AS cost_usd,
        maxIf(spent, age > 0)       AS dearest_day_before,
        sumIf(used, age = 0)        AS units,
        maxIf(used, age > 0)        AS largest_day_before,
        countIf(age > 0)            AS days_before,
        arraySort(groupUniqArrayArrayIf(10)(its_networks, age = 0)) AS networks,
        arraySort(groupUniqArrayArrayIf(10)(its_clients, age = 0))  AS clients
    FROM
    (
        SELECT
            h.token AS token, intDiv(dateDiff('hour', h.hour, toStartOfHour(now('UTC'))), 24) AS age, sum(h.cost_usd) AS spent,
            sum(h.units_in) + sum(h.units_out) AS used, anyLast(h.token_hint) AS hint, anyLast(h.consumer) AS owner,
            groupUniqArray(10)(toString(h.network)) AS its_networks, groupUniqArray(10)(h.client) AS its_clients
        FROM token_activity AS h
        WHERE h.hour > toStartOfHour(now('UTC')) - toIntervalDay({days:UInt32} + 1) AND h.token NOT IN (SELECT token FROM token_renames WHERE newer)
        GROUP BY h.token, age
    )
    GROUP BY token
)
WHERE days_before > 0 AND units >= {min_units:UInt64} AND units >= {times:Float64} * largest_day_before
ORDER BY cost_usd DESC, units DESC, token_hex
LIMIT 200
