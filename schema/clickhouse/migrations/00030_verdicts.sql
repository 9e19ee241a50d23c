-- What people said of incidents, and what they allowed. Both are only ever added to: the engines read them again when
-- they replay events, and an auditor reads who decided what.

-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS verdicts
(
    id        String                 COMMENT 'of the click or command that gave it: a repeat changes nothing',
    incident  String                 COMMENT 'the incident it is about',
    token     FixedString(16)        COMMENT 'fingerprint of the incident''s token; raw bytes, compare with unhex(...)',
    token_hex String ALIAS lower(hex(token)) COMMENT 'token as 32 hexadecimal digits',
    kind      LowCardinality(String) COMMENT 'owner (it was us), theft (confirmed), snooze or acknowledged',
    by        String                 COMMENT 'who, as the channel names them',
    note      String                 COMMENT 'why, in their words',
    at        DateTime64(3, 'UTC')   COMMENT 'when it was given; events ingested later are judged with it',
    since     DateTime64(3, 'UTC')   COMMENT 'event time of the incident''s first evidence',
    `to`      DateTime64(3, 'UTC')   COMMENT 'event time of its last finding when the verdict was given',
    until     Nullable(DateTime64(3, 'UTC')) COMMENT 'end of a snooze, or of the allowance that was asked for; NULL: none',
    allow     Bool                   COMMENT 'an allowance was asked for',
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when this row was written'
)
ENGINE = ReplacingMergeTree
ORDER BY (token, at, id)
COMMENT 'What people said of incidents. Read with FINAL.';

CREATE TABLE IF NOT EXISTS allowances
(
    id        String                 COMMENT 'of the entry; all changes of one entry have the same',
    action    LowCardinality(String) COMMENT 'add or remove',
    at        DateTime64(3, 'UTC')   COMMENT 'when the change was made; events ingested later are judged with it',
    by        String                 COMMENT 'who made it',
    kind      LowCardinality(String) COMMENT 'what value is: cidr, asn, country, client, token or label',
    value     String                 COMMENT 'what is allowed',
    detectors Array(LowCardinality(String)) COMMENT 'the only detectors that are silenced; empty: all that the kind is about',
    owner     String                 COMMENT 'who answers for it',
    reason    String                 COMMENT 'why it is allowed, or why not any more',
    until     Nullable(DateTime64(3, 'UTC')) COMMENT 'when it ends by itself; NULL: never',
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when this row was written'
)
ENGINE = MergeTree
ORDER BY (id, at)
COMMENT 'The allow-list and its history: a row a change, never rewritten. allow_list has what holds now.';

CREATE VIEW IF NOT EXISTS allow_list AS
SELECT
    id,
    argMax(kind, (at, stored_at))      AS kind,
    argMax(value, (at, stored_at))     AS value,
    argMax(detectors, (at, stored_at)) AS detectors,
    argMax(owner, (at, stored_at))     AS owner,
    argMax(reason, (at, stored_at))    AS reason,
    argMax(by, (at, stored_at))        AS by,
    max(at)                            AS since,
    argMax(tuple(until), (at, stored_at)).1 AS until
FROM allowances
GROUP BY id
HAVING argMax(action, (at, stored_at)) = 'add' AND (until IS NULL OR until > now64(3))
ORDER BY since
COMMENT 'What is allowed now? One row an entry that was neither removed nor is over. Entries of the configuration (detect.allow) are not in it.';
