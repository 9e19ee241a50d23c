-- How fast a token is used is asked of its single requests, and of a token with millions of them that takes as long as reading
-- millions of rows. So token_rate looks at seven days: those up to the last request of any token, not up to now, so that it
-- answers of imported history too. token_minutes still has all minutes, as far back as events are kept.
--
-- Requests by all names of a token are put together before they are counted (00006), once rather than for either part. What
-- the columns mean is said where the view is made: instances may migrate at once, and a view that another one replaces cannot
-- be altered.

-- +goose NO TRANSACTION
-- +goose Up
CREATE OR REPLACE VIEW token_rate
(
    token_hex      String          COMMENT 'token as 32 hexadecimal digits, for reading; filter by token, which is indexed',
    active_minutes UInt64          COMMENT 'minutes of the seven days in which there was a request',
    requests       UInt64          COMMENT 'requests of the seven days',
    median_minute  UInt64          COMMENT 'requests in a usual minute',
    p99_minute     UInt64          COMMENT 'requests in a busy minute: 99th percentile',
    peak_minute    UInt64          COMMENT 'requests in the busiest minute',
    peak_at        DateTime('UTC') COMMENT 'the busiest minute',
    peak_bytes_out UInt64          COMMENT 'most bytes sent in a minute',
    peak_cost_usd  Float64         COMMENT 'most spent in a minute, US dollars',
    last_minute    DateTime('UTC') COMMENT 'the last minute with a request',
    token          FixedString(16) COMMENT 'fingerprint of the token; raw bytes, compare with unhex(...)'
) AS
SELECT
    lower(hex(token))                          AS token_hex,
    count()                                    AS active_minutes,
    sum(r)                                     AS requests,
    quantileExact(0.5)(r)                      AS median_minute,
    quantileExact(0.99)(r)                     AS p99_minute,
    max(r)                                     AS peak_minute,
    argMax(minute, r)                          AS peak_at,
    max(bytes)                                 AS peak_bytes_out,
    max(spent)                                 AS peak_cost_usd,
    max(minute)                                AS last_minute,
    token
FROM
(
    SELECT token, toStartOfMinute(toDateTime(ts, 'UTC')) AS minute, count() AS r, sum(m.bytes_out) AS bytes, sum(m.cost_usd) AS spent
    FROM
    (
        SELECT token, ts, bytes_out, cost_usd
        FROM events
        WHERE ts >= toDateTime64((SELECT max(day) FROM fleet_days) - 6, 3, 'UTC')
        UNION ALL
        SELECT n.token AS token, e.ts AS ts, e.bytes_out AS bytes_out, e.cost_usd AS cost_usd
        FROM events AS e
        INNER JOIN token_other_names AS n ON n.name = e.token
        WHERE e.ts >= toDateTime64((SELECT max(day) FROM fleet_days) - 6, 3, 'UTC')
    ) AS m
    GROUP BY token, minute
)
GROUP BY token
COMMENT 'How fast is this token used? One row a token, over the minutes in which it was used within the last seven days (UTC, up to the last request of any token). A token that was not used then has no row; token_minutes has all minutes, as far back as events are kept.';
