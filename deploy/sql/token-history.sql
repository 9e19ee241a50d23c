-- What has this token done, hour by hour?
--
-- For: the first look at a token that was reported, alerted on, or just found in a public repository.
-- Answer: one row an hour in which it was used, the newest first. A thief shows as an hour with another country, network or
--   client than the rows below it; "new" names what the token had not shown before in the hours listed.
-- ATT&CK: T1550.001
-- Parameter: token String = ''   fingerprint, 32 hexadecimal digits; empty: the token of the newest incident
-- Parameter: hours UInt32 = 168  how far back
WITH (SELECT if({token:String} != '', toFixedString(unhex({token:String}), 16), argMax(token, updated)) FROM incidents) AS wanted
SELECT
    hour,
    sum(requests)                                   AS requests,
    sum(denied)                                     AS denied,
    sum(bytes_out)                                  AS bytes_out,
    uniqCombinedMerge(12)(addresses)                AS addresses,
    arraySort(groupUniqArray(10)(country))          AS countries,
    arraySort(groupUniqArray(10)(toString(network))) AS networks,
    arraySort(groupUniqArray(10)(as_org))           AS organisations,
    arraySort(groupUniqArray(10)(client))           AS clients,
    arraySort(groupUniqArrayIf(10)(country, first_in_country = hour)) AS new_countries,
    arraySort(groupUniqArrayIf(10)(client, first_with_client = hour)) AS new_clients
FROM
(
    SELECT *, min(hour) OVER (PARTITION BY country) AS first_in_country, min(hour) OVER (PARTITION BY client) AS first_with_client
    FROM token_activity
    WHERE token = wanted AND hour >= toStartOfHour(now('UTC')) - toIntervalHour({hours:UInt32})
)
GROUP BY hour
ORDER BY hour DESC
