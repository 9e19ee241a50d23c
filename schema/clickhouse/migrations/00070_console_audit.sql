-- What people did in the console: rows are only ever added. An act is written down before it is done, and once more
-- with what came of it.

-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS console_audit
(
    at        DateTime64(3, 'UTC')   COMMENT 'when the act began',
    id        String                 COMMENT 'names the act; the same in its rows',
    step      UInt8                  COMMENT '0: before it was done; 1: what came of it',
    person    String                 COMMENT 'who did it, or the name that somebody tried to sign in with',
    role      LowCardinality(String) COMMENT 'role of the person: viewer, responder or admin; empty: not signed in',
    via       LowCardinality(String) COMMENT 'how the person signed in: password or oidc',
    address   String                 COMMENT 'address of the browser',
    action    LowCardinality(String) COMMENT 'what was done, such as sign in, verdict or silence',
    subject   String                 COMMENT 'what it was done to, such as the id of an incident',
    detail    String                 COMMENT 'further words about it',
    outcome   LowCardinality(String) COMMENT 'begun (about to be done), done, refused, failed',
    reason    String                 COMMENT 'why it was refused or failed',
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when this row was written'
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (at, id, step)
TTL toDateTime(at) + toIntervalSecond(34560000)
COMMENT 'The audit of the console: what people did there, or tried to. Two rows an act; console_acts has one.';

CREATE VIEW IF NOT EXISTS console_acts AS
SELECT
    a.at                     AS at,
    any(a.person)            AS person,
    any(a.role)              AS role,
    any(a.via)               AS via,
    any(a.address)           AS address,
    any(a.action)            AS action,
    any(a.subject)           AS subject,
    any(a.detail)            AS detail,
    argMax(a.outcome, a.step) AS outcome,
    argMax(a.reason, a.step) AS reason,
    a.id                     AS id
FROM console_audit AS a
GROUP BY a.at, a.id
ORDER BY at DESC, id DESC
COMMENT 'Who did what in the console, and what came of it? One row an act, the newest first.';

ALTER TABLE console_acts
    COMMENT COLUMN `at` 'when the act began (UTC)',
    COMMENT COLUMN `person` 'who did it, or the name that somebody tried to sign in with',
    COMMENT COLUMN `role` 'role of the person; empty when not signed in',
    COMMENT COLUMN `via` 'how the person signed in: password or oidc',
    COMMENT COLUMN `address` 'address of the browser',
    COMMENT COLUMN `action` 'what was done, such as sign in, verdict or silence',
    COMMENT COLUMN `subject` 'what it was done to, such as the id of an incident',
    COMMENT COLUMN `detail` 'further words about it',
    COMMENT COLUMN `outcome` 'done, refused or failed; begun when it was cut off',
    COMMENT COLUMN `reason` 'why it was refused or failed',
    COMMENT COLUMN `id` 'names the act';
