-- What is new about this token?
--
-- For: telling in one look what a token does now that it never did before.
-- Answer: one row a country, network, client or route that the token first showed within the time asked for, the newest first.
--   Rows of several kinds that begin at the same moment are one visitor. No rows: it does what it always did.
--   A token that is younger than the time asked for is new in everything.
-- ATT&CK: T1550.001
-- Parameter: token String = ''  fingerprint, 32 hexadecimal digits; empty: the token of the newest incident
-- Parameter: hours UInt32 = 24  how far back something counts as new
WITH (SELECT if({token:String} != '', toFixedString(unhex({token:String}), 16), argMax(token, updated)) FROM incidents) AS wanted
SELECT what, value, min(since) AS first_seen, sum(n) AS requests
FROM
(
    SELECT 'country' AS what, country AS value, first_seen AS since, requests AS n FROM token_places WHERE token = wanted
    UNION ALL
    SELECT 'network', concat('AS', toString(asn), ' ', as_org, ' (', toString(network), ')'), first_seen, requests FROM token_networks WHERE token = wanted
    UNION ALL
    SELECT 'client', client, first_seen, requests FROM token_clients WHERE token = wanted
    UNION ALL
    SELECT 'route', concat(method, ' ', route), first_seen, requests FROM token_routes WHERE token = wanted
)
GROUP BY what, value
HAVING first_seen >= now('UTC') - toIntervalHour({hours:UInt32})
ORDER BY first_seen DESC, what, value
