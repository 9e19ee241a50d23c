-- Campaigns and fleet events: what a finding and an incident are about, and which tokens are in it. What was stored
-- before says it in its JSON, from where it is read.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE findings
    ADD COLUMN IF NOT EXISTS kind LowCardinality(String) DEFAULT JSONExtractString(finding, 'kind') COMMENT 'campaign: many tokens in one pair of hands. fleet: tokens of one owner did the same together. empty: one token' AFTER severity,
    ADD COLUMN IF NOT EXISTS `group` String DEFAULT JSONExtractString(finding, 'group') COMMENT 'names the campaign or fleet event, over all of its findings; empty for one token' AFTER kind,
    ADD COLUMN IF NOT EXISTS token_count UInt32 DEFAULT JSONExtractUInt(finding, 'token_count') COMMENT 'tokens of the campaign or fleet event; 0 for one token' AFTER `group`;

ALTER TABLE incidents
    ADD COLUMN IF NOT EXISTS kind LowCardinality(String) DEFAULT JSONExtractString(incident, 'kind') COMMENT 'campaign: many tokens in one pair of hands. fleet: tokens of one owner did the same together. empty: one token' AFTER severity,
    ADD COLUMN IF NOT EXISTS token_count UInt32 DEFAULT JSONExtractUInt(incident, 'token_count') COMMENT 'tokens of the campaign or fleet event; 0 for one token' AFTER kind,
    ADD COLUMN IF NOT EXISTS tokens Array(FixedString(16)) DEFAULT arrayMap(t -> toFixedString(unhex(t), 16), JSONExtract(incident, 'tokens', 'Array(String)')) COMMENT 'fingerprints of the first tokens of the campaign or fleet event; empty for one token' AFTER token_count;
