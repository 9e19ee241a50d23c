-- activity_minutes used to be a table that a materialized view filled. It is a view of events now (see 00004): a
-- database that has the table changes over.

-- +goose NO TRANSACTION
-- +goose Up
DROP VIEW IF EXISTS activity_minutes_mv SYNC;

DROP TABLE IF EXISTS activity_minutes SYNC;

CREATE VIEW IF NOT EXISTS activity_minutes AS
SELECT
    token,
    lower(hex(token))                      AS token_hex,
    toStartOfMinute(toDateTime(ts, 'UTC')) AS minute,
    count()                                AS requests,
    countIf(status >= 400)                 AS errors,
    sum(bytes_out)                         AS bytes_out,
    sum(toUInt64(units_in) + units_out)    AS units,
    sum(cost_usd)                          AS cost_usd
FROM events
GROUP BY token, minute
COMMENT 'Activity per token and minute, for what rate is normal, as far back as events are kept. Filter by token.';
