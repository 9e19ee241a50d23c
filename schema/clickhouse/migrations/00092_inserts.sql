-- What an insert and a merge need not do (deploy/adr/0006-storage.md).
--
-- Unless told otherwise ClickHouse computes statistics of every column (smallest, largest, how many different values) in each
-- merge, for planning queries. What is asked here is found by the primary key, and the statistics took a tenth of a merge's
-- processor time.
--
-- Pairs of fingerprints are written by tokenwatch itself while peppers are rotated: as a materialized view it was run for every
-- block, nearly always for nothing. A block that is repeated writes them once.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE events MODIFY SETTING auto_statistics_types = '';

ALTER TABLE activity_hours MODIFY SETTING auto_statistics_types = '';

ALTER TABLE token_renames MODIFY SETTING
    non_replicated_deduplication_window = 10000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;

DROP VIEW IF EXISTS token_renames_mv SYNC;
