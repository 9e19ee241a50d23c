-- Which requests is this incident about?
--
-- For: reading what the visitor really did, request by request, before deciding.
-- Answer: one row a request of the incident's token from the first evidence to the last finding, the newest first. Look at what
--   was answered with 200, and how much went out: that is the damage. The owner's own requests of that time are among them.
-- ATT&CK: T1550.001
-- Parameter: incident String = ''    id of the incident; empty: the newest
-- Parameter: rows UInt32 = 200       at most so many
WITH
    (SELECT if({incident:String} != '', {incident:String}, argMax(id, updated)) FROM incidents) AS wanted,
    (SELECT any(token) FROM incident_spans WHERE id = wanted)   AS its_token,
    (SELECT min(since) FROM incident_spans WHERE id = wanted)   AS its_since,
    (SELECT max(updated) FROM incident_spans WHERE id = wanted) AS its_end
SELECT ts, ip, country, city, as_org, network, client, method, route, path, status, bytes_out, units_out, request_id
FROM events
WHERE token IN (SELECT name FROM token_names WHERE token = its_token) AND ts >= its_since AND ts <= its_end
ORDER BY ts DESC, offset DESC, item DESC
LIMIT {rows:UInt32}
