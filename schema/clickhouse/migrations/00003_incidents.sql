-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS incidents
(
    id          String                  COMMENT 'derived from the first finding: stable over replays',
    revision    UInt64                  COMMENT 'rises with every change; of the rows of one id the highest holds',
    state       LowCardinality(String)  COMMENT 'open, acknowledged or resolved',
    severity    Enum8('info' = 0, 'low' = 1, 'medium' = 2, 'high' = 3, 'critical' = 4) COMMENT 'the highest so far',
    score       Float64                 COMMENT 'the highest so far; 1.0 is enough for an alert',
    token       FixedString(16)         COMMENT 'fingerprint of the token; raw bytes, compare with unhex(...)',
    token_hex   String ALIAS lower(hex(token)) COMMENT 'token as 32 hexadecimal digits',
    token_hint  LowCardinality(String)  COMMENT 'issuer''s prefix and last four characters of the token',
    consumer    LowCardinality(String)  COMMENT 'owner of the token as the gateway names it',
    environment LowCardinality(String)  COMMENT 'prod, dev, test, ...',
    opened      DateTime64(3, 'UTC')    COMMENT 'event time of the first finding',
    updated     DateTime64(3, 'UTC')    COMMENT 'event time of the last finding',
    resolved    Nullable(DateTime64(3, 'UTC')) COMMENT 'NULL while not resolved',
    summary     String                  COMMENT 'what happened, in a sentence',
    detectors   Array(LowCardinality(String)) COMMENT 'detectors with evidence, each once',
    findings    UInt32                  COMMENT 'how many findings it gathers',
    requests    UInt64                  COMMENT 'requests since the evidence began',
    addresses   UInt32                  COMMENT 'distinct client addresses since the evidence began',
    incident    String                  COMMENT 'the whole incident as JSON' CODEC(ZSTD(3)),
    stored_at   DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when this revision was written'
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY id
COMMENT 'What a person decides on: one row an incident and revision. Read with FINAL.';
