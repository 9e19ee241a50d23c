-- Brings a database that has older versions of 00001 and 00004 up to what these say now (deploy/adr/0006-storage.md):
-- fewer merges, and activity_minutes as a view of events where it was a table that a materialized view filled.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE events MODIFY SETTING merge_selector_base = 20;

ALTER TABLE activity_hours MODIFY SETTING min_bytes_for_wide_part = 134217728, min_parts_to_merge_at_once = 10, merge_selector_base = 20;

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
