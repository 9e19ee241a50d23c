-- A day that is over is one part. Merges that look at sizes leave ten to twenty parts of each partition for ever (00001), and a
-- question about a token opens every part of every day: some 0.3 ms of processor time each, 150 ms for 500 parts.
-- So when nothing was stored in a day's partition for six hours, its parts are merged into one: its rows are written once more, when there is time.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE events MODIFY SETTING min_age_to_force_merge_seconds = 21600, min_age_to_force_merge_on_partition_only = 1;
