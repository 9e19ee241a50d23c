-- Fewer merges (deploy/adr/0006-storage.md): parts of the next level are fifty times as large rather than twenty. A row is
-- rewritten less often on its way, for some more parts while a day lasts: ClickHouse merges all the same once there are fifty.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE events MODIFY SETTING merge_selector_base = 50;

ALTER TABLE activity_hours MODIFY SETTING merge_selector_base = 50;
