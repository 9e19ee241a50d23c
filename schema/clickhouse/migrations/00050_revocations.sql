-- What was decided about tokens, by whom, and what came of it: a row a step, only ever added to. Processes read it to
-- keep within the caps together, so a row is written before anything is done.

-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS revocations
(
    incident    String                 COMMENT 'the incident that it is about',
    step        UInt64                 COMMENT 'rises with each step of the incident; the highest is where it stands',
    at          DateTime64(3, 'UTC')   COMMENT 'when the step was made',
    action      LowCardinality(String) COMMENT 'asked, counting, approved, stopped, called, answered, revoked, failed, capped, held, refused, lapsed, restoring, restored, dry_run',
    state       LowCardinality(String) COMMENT 'where the revocation stands after the step',
    token       FixedString(16)        COMMENT 'fingerprint of the token; raw bytes, compare with unhex(...)',
    token_hex   String ALIAS lower(hex(token)) COMMENT 'token as 32 hexadecimal digits',
    consumer    LowCardinality(String) COMMENT 'owner of the token as the gateway names it',
    by          String                 COMMENT 'who decided; empty: the configuration',
    rule        String                 COMMENT 'the rule of the configuration that decided',
    via         LowCardinality(String) COMMENT 'the gateway that is called',
    request     String                 COMMENT 'id that the call carries, the same in each repetition',
    attempt     UInt32                 COMMENT 'how many calls were made for this request',
    answer      String                 COMMENT 'what the gateway said',
    reason      String                 COMMENT 'why it stands where it does',
    instance    String                 COMMENT 'process that made the step',
    step_json   String                 COMMENT 'the whole step as JSON' CODEC(ZSTD(3)),
    stored_at   DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when this row was written'
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (at, incident, step)
COMMENT 'The audit of revocations: what was decided about a token, by whom, and what came of it.';

CREATE VIEW IF NOT EXISTS revocation_states AS
SELECT
    incident,
    argMax(state, (step, stored_at))     AS state,
    lower(hex(any(r.token)))             AS token_hex,
    argMax(consumer, (step, stored_at))  AS consumer,
    argMax(by, (step, stored_at))        AS by,
    argMax(via, (step, stored_at))       AS via,
    argMax(answer, (step, stored_at))    AS answer,
    argMax(reason, (step, stored_at))    AS reason,
    min(at)                              AS began,
    max(at)                              AS changed
FROM revocations AS r
GROUP BY incident
ORDER BY changed DESC
COMMENT 'Where does each revocation stand? One row an incident.';
