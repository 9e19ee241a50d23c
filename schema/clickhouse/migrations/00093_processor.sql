-- What a request costs ClickHouse's processor when it is stored, merged and read (deploy/adr/0006-storage.md).
--
-- LZ4 takes less time than ZSTD in all three. Columns that repeat within a token, or whose values another codec has packed
-- already, are hardly larger for it: 2.7 bytes a request in all, half of them ts, which every question reads. ZSTD stays where it
-- saves most: request_id (hexadecimal digits, of which it leaves half), path, offset, ip, latency_us and route. T64 is gone where all
-- values are 0 nearly always. Parts that are there stay as they are until they are merged.
--
-- The lengths of texts are written among them rather than as a stream of their own ('basic'): another twentieth.
--
-- What merges write has a file a column from 16 MiB on, not from 128: a merge into one file goes row by row through all columns, and takes a half
-- longer than one that goes column by column. A block that was inserted stays one file whatever its size (min_level_for_wide_part).
--
-- Statistics are for planning, and nothing here is planned by them (00092).

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE events
    MODIFY COLUMN ts CODEC(Delta(8), LZ4),
    MODIFY COLUMN ingested_at CODEC(Delta(8), LZ4),
    MODIFY COLUMN bytes_in CODEC(T64, LZ4),
    MODIFY COLUMN bytes_out CODEC(T64, LZ4),
    MODIFY COLUMN ts_raw CODEC(LZ4),
    MODIFY COLUMN token CODEC(LZ4),
    MODIFY COLUMN token_key CODEC(LZ4),
    MODIFY COLUMN former CODEC(LZ4),
    MODIFY COLUMN token_hint CODEC(LZ4),
    MODIFY COLUMN consumer CODEC(LZ4),
    MODIFY COLUMN environment CODEC(LZ4),
    MODIFY COLUMN source CODEC(LZ4),
    MODIFY COLUMN ip_from CODEC(LZ4),
    MODIFY COLUMN ip_spoofed CODEC(LZ4),
    MODIFY COLUMN country CODEC(LZ4),
    MODIFY COLUMN region CODEC(LZ4),
    MODIFY COLUMN city CODEC(LZ4),
    MODIFY COLUMN lat CODEC(LZ4),
    MODIFY COLUMN lon CODEC(LZ4),
    MODIFY COLUMN accuracy_km CODEC(LZ4),
    MODIFY COLUMN asn CODEC(LZ4),
    MODIFY COLUMN as_org CODEC(LZ4),
    MODIFY COLUMN network CODEC(LZ4),
    MODIFY COLUMN method CODEC(LZ4),
    MODIFY COLUMN status CODEC(LZ4),
    MODIFY COLUMN user_agent CODEC(LZ4),
    MODIFY COLUMN client CODEC(LZ4),
    MODIFY COLUMN units_in CODEC(LZ4),
    MODIFY COLUMN units_out CODEC(LZ4),
    MODIFY COLUMN cost_usd CODEC(LZ4),
    MODIFY COLUMN topic CODEC(LZ4),
    MODIFY COLUMN `partition` CODEC(LZ4),
    MODIFY COLUMN item CODEC(LZ4);

ALTER TABLE activity_hours
    MODIFY COLUMN hour CODEC(Delta(4), LZ4),
    MODIFY COLUMN token CODEC(LZ4),
    MODIFY COLUMN country CODEC(LZ4),
    MODIFY COLUMN region CODEC(LZ4),
    MODIFY COLUMN city CODEC(LZ4),
    MODIFY COLUMN asn CODEC(LZ4),
    MODIFY COLUMN network CODEC(LZ4),
    MODIFY COLUMN client CODEC(LZ4),
    MODIFY COLUMN token_hint CODEC(LZ4),
    MODIFY COLUMN consumer CODEC(LZ4),
    MODIFY COLUMN environment CODEC(LZ4),
    MODIFY COLUMN as_org CODEC(LZ4),
    MODIFY COLUMN lat CODEC(LZ4),
    MODIFY COLUMN lon CODEC(LZ4),
    MODIFY COLUMN cost_usd CODEC(LZ4),
    MODIFY COLUMN first_seen CODEC(LZ4),
    MODIFY COLUMN last_seen CODEC(LZ4),
    MODIFY COLUMN addresses CODEC(LZ4),
    MODIFY COLUMN requests CODEC(T64, LZ4),
    MODIFY COLUMN errors CODEC(T64, LZ4),
    MODIFY COLUMN denied CODEC(T64, LZ4),
    MODIFY COLUMN bytes_in CODEC(T64, LZ4),
    MODIFY COLUMN bytes_out CODEC(T64, LZ4),
    MODIFY COLUMN units_in CODEC(T64, LZ4),
    MODIFY COLUMN units_out CODEC(T64, LZ4);

ALTER TABLE events MODIFY SETTING serialization_info_version = 'basic', min_bytes_for_wide_part = 16777216, min_level_for_wide_part = 1;

ALTER TABLE activity_hours MODIFY SETTING serialization_info_version = 'basic';

ALTER TABLE token_summaries MODIFY SETTING auto_statistics_types = '';

ALTER TABLE fleet_days MODIFY SETTING auto_statistics_types = '';
