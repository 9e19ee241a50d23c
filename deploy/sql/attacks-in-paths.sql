-- Which tokens carry attacks in what they ask for?
--
-- For: a stolen token opens the door to attacks on the service behind it: injection, traversal, forgotten files.
-- Answer: one row a token and kind of attack, with an example. Scanners of your own show here by their owner's name. let_in above 0 means
--   that such a request was answered with success: look at it now. What was sent stays text: it is shown, never run.
-- ATT&CK: T1190
-- Parameter: hours UInt32 = 168   how far back
SELECT
    lower(hex(token))                           AS token_hex,
    anyLast(token_hint)                         AS token_hint,
    anyLast(consumer)                           AS consumer,
    kind,
    count()                                     AS requests,
    countIf(status BETWEEN 200 AND 299)         AS let_in,
    substringUTF8(argMin(example, ts), 1, 200)  AS first_example,
    arraySort(groupUniqArray(5)(ip))            AS addresses,
    min(ts)                                     AS first_seen,
    max(ts)                                     AS last_seen
FROM
(
    SELECT
        token, token_hint, consumer, status, ip, ts, concat(method, ' ', path, ' ', user_agent) AS example,
        concat(decodeURLComponent(path), ' ', user_agent) AS sent,
        multiIf(
            match(sent, '(?i)\\$\\{jndi:'), 'jndi',
            match(sent, '(?i)<script|javascript:|onerror\\s*='), 'script',
            match(sent, '(?i)union(\\s|\\+|/\\*)+select|\'\\s*or\\s*\'?1\'?\\s*=|sleep\\(\\d|;\\s*drop\\s+table'), 'sql',
            match(sent, '\\.\\./|\\.\\.\\\\|/etc/passwd|(?i)win\\.ini'), 'traversal',
            match(path, '(?i)/(\\.env|\\.git/|\\.aws/|wp-login|phpmyadmin|actuator/|server-status|\\.ssh/)'), 'forgotten files',
            '') AS kind
    FROM events
    WHERE ingested_at >= now('UTC') - toIntervalHour({hours:UInt32} + 1) AND ts >= now('UTC') - toIntervalHour({hours:UInt32})
)
WHERE kind != ''
GROUP BY token, kind
ORDER BY let_in DESC, requests DESC, token_hex, kind
LIMIT 500
