-- What each column of the views of deliveries, revocations and the allow-list means.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE allow_list
    COMMENT COLUMN `id` 'names the entry',
    COMMENT COLUMN `kind` 'what is allowed: cidr, asn, country, client, token or label',
    COMMENT COLUMN `value` 'the addresses, network, country, client, token or label',
    COMMENT COLUMN `detectors` 'detectors that it silences; empty means all that look at it',
    COMMENT COLUMN `owner` 'who answers for it',
    COMMENT COLUMN `reason` 'why',
    COMMENT COLUMN `by` 'who entered it',
    COMMENT COLUMN `since` 'when it was entered (UTC); events that came before are judged without it',
    COMMENT COLUMN `until` 'when it ends (UTC)';

ALTER TABLE delivery_dead_letters
    COMMENT COLUMN `incident` 'id of the incident',
    COMMENT COLUMN `destination` 'channel that it could not be delivered to',
    COMMENT COLUMN `severity` 'severity of the incident when it was given up',
    COMMENT COLUMN `error` 'what the last attempt came to',
    COMMENT COLUMN `attempts` 'how often it was tried',
    COMMENT COLUMN `failing_at` 'when the first attempt failed (UTC)',
    COMMENT COLUMN `at` 'when it was given up (UTC)',
    COMMENT COLUMN `fell_back` 'channel that was told in its place; empty when there was none';

ALTER TABLE revocation_states
    COMMENT COLUMN `incident` 'id of the incident',
    COMMENT COLUMN `state` 'where the revocation stands, such as asked, revoked, stopped or failed',
    COMMENT COLUMN `token_hex` 'token as 32 hexadecimal digits, for reading',
    COMMENT COLUMN `consumer` 'owner of the token, as the gateway names it',
    COMMENT COLUMN `by` 'who decided the last step; empty when nobody had to',
    COMMENT COLUMN `via` 'gateway or endpoint that is asked to revoke',
    COMMENT COLUMN `answer` 'what it answered',
    COMMENT COLUMN `reason` 'why it stands so',
    COMMENT COLUMN `began` 'first step (UTC)',
    COMMENT COLUMN `changed` 'last step (UTC)';
