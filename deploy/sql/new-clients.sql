-- Which tokens are used with a program they were never used with?
--
-- For: a stolen token is put into the thief's tool: curl, a script, a scanner.
-- Answer: one row a token and client (product and major version) that it first showed within the time asked for. A new major version of
--   the old product is an upgrade (same_product is true); another product from another network is another person.
-- ATT&CK: T1550.001
-- Parameter: hours UInt32 = 24     how far back a client counts as new
-- Parameter: min_days UInt32 = 5   only tokens that were used on as many days before
SELECT
    lower(hex(c.token))                             AS token_hex,
    b.token_hint                                    AS token_hint,
    b.consumer                                      AS consumer,
    c.client                                        AS new_client,
    c.first_seen                                    AS first_seen,
    c.requests                                      AS requests,
    toBool(has(arrayMap(x -> splitByChar('/', x)[1], b.clients), splitByChar('/', c.client)[1])) AS same_product,
    arraySort(b.clients)                            AS usual_clients,
    b.days                                          AS days_before
FROM token_clients AS c
INNER JOIN
(
    SELECT h.token AS token, anyLast(h.token_hint) AS token_hint, anyLast(h.consumer) AS consumer, groupUniqArray(20)(h.client) AS clients,
        uniqExact(toDate(h.hour)) AS days
    FROM token_activity AS h
    WHERE h.last_seen < now('UTC') - toIntervalHour({hours:UInt32}) AND h.token NOT IN (SELECT token FROM token_renames WHERE newer)
    GROUP BY h.token
) AS b ON b.token = c.token
WHERE c.first_seen >= now('UTC') - toIntervalHour({hours:UInt32}) AND b.days >= {min_days:UInt32}
ORDER BY same_product, requests DESC, token_hex
LIMIT 500
