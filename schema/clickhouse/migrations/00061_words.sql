-- What each column of the views means, as the tables say it of theirs: `tokenwatch sql` shows it (\d NAME), and so does
-- DESCRIBE. Statements that replace a view drop its words: say them again in the same migration.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE activity_minutes
    COMMENT COLUMN `token` 'fingerprint of the token; raw bytes, compare with unhex(...)',
    COMMENT COLUMN `token_hex` 'token as 32 hexadecimal digits, for reading; filter by token, which is indexed',
    COMMENT COLUMN `minute` 'start of the minute (UTC)',
    COMMENT COLUMN `requests` 'requests',
    COMMENT COLUMN `errors` 'requests answered with status 400 or more',
    COMMENT COLUMN `bytes_out` 'size of the responses, bytes',
    COMMENT COLUMN `units` 'LLM tokens of prompts and answers',
    COMMENT COLUMN `cost_usd` 'spend, US dollars';

ALTER TABLE alerts_per_day
    COMMENT COLUMN `day` 'day (UTC)',
    COMMENT COLUMN `incidents` 'incidents opened',
    COMMENT COLUMN `critical` 'of these, of severity critical by now',
    COMMENT COLUMN `high` 'of these, high',
    COMMENT COLUMN `medium` 'of these, medium',
    COMMENT COLUMN `low` 'of these, low or info',
    COMMENT COLUMN `findings` 'findings, whether or not they became an incident',
    COMMENT COLUMN `active_tokens` 'tokens with a request on that day',
    COMMENT COLUMN `per_1000_tokens` 'incidents for 1,000 active tokens; 0 when none was active';

ALTER TABLE dead_letter_reasons
    COMMENT COLUMN `reason` 'why records were refused, in a word to count by',
    COMMENT COLUMN `source` 'log format',
    COMMENT COLUMN `topic` 'Kafka topic',
    COMMENT COLUMN `records` 'records, or entries of batched ones',
    COMMENT COLUMN `first_at` 'when the first was taken in',
    COMMENT COLUMN `last_at` 'when the last was taken in',
    COMMENT COLUMN `last_detail` 'what exactly was wrong with the last',
    COMMENT COLUMN `last_payload` 'the last, secrets removed, truncated';

ALTER TABLE dead_letters_waiting
    COMMENT COLUMN `ingested_at` 'time of the block this row was stored with',
    COMMENT COLUMN `topic` 'Kafka topic',
    COMMENT COLUMN `partition` 'Kafka partition',
    COMMENT COLUMN `offset` 'Kafka offset',
    COMMENT COLUMN `item` 'number of the entry within a batched record, from 0',
    COMMENT COLUMN `source` 'log format that was tried',
    COMMENT COLUMN `reason` 'why the record was refused, in a word to count by',
    COMMENT COLUMN `detail` 'what exactly was wrong, and where',
    COMMENT COLUMN `payload` 'the record, secrets removed, truncated',
    COMMENT COLUMN `size` 'bytes of the record as it arrived';

ALTER TABLE detector_share
    COMMENT COLUMN `detector` 'detector',
    COMMENT COLUMN `findings` 'findings in which it spoke',
    COMMENT COLUMN `share` 'part of all findings in which it spoke, 0 to 1',
    COMMENT COLUMN `strongest` 'findings in which it said most',
    COMMENT COLUMN `alone` 'findings in which no other detector spoke',
    COMMENT COLUMN `mean_llr` 'what it adds to a finding on average, nats',
    COMMENT COLUMN `tokens` 'distinct tokens that it spoke of',
    COMMENT COLUMN `last_at` 'event time of the newest';

ALTER TABLE findings_today
    COMMENT COLUMN `ts` 'event time of the request that tipped the scale',
    COMMENT COLUMN `severity` 'info, low, medium, high or critical',
    COMMENT COLUMN `score` '1.0 is enough for an alert',
    COMMENT COLUMN `token_hint` 'issuer''s prefix and last four characters of the token',
    COMMENT COLUMN `consumer` 'owner of the token as the gateway names it',
    COMMENT COLUMN `environment` 'prod, dev, test, ...',
    COMMENT COLUMN `summary` 'what happened, in a sentence',
    COMMENT COLUMN `detectors` 'detectors with evidence, each once',
    COMMENT COLUMN `strongest_seen` 'what was seen, of the strongest evidence',
    COMMENT COLUMN `strongest_normal` 'what is normal for that',
    COMMENT COLUMN `attack_ids` 'MITRE ATT&CK techniques',
    COMMENT COLUMN `token_hex` 'token as 32 hexadecimal digits, for reading; filter by token, which is indexed',
    COMMENT COLUMN `token` 'fingerprint of the token; raw bytes, compare with unhex(...)';

ALTER TABLE incident_deliveries
    COMMENT COLUMN `incident` 'id of the incident',
    COMMENT COLUMN `destination` 'where to: slack, telegram, ...',
    COMMENT COLUMN `at` 'time of the last delivery; 1970 when there was none',
    COMMENT COLUMN `revision` 'revision of the incident that was delivered',
    COMMENT COLUMN `newest_revision` 'the incident''s newest revision: higher means that the destination does not know all yet',
    COMMENT COLUMN `attempts` 'attempts at the last delivery',
    COMMENT COLUMN `error` 'of the last attempt; empty when it was accepted',
    COMMENT COLUMN `ref` 'the message there',
    COMMENT COLUMN `severity` 'info, low, medium, high or critical',
    COMMENT COLUMN `token_hint` 'issuer''s prefix and last four characters of the token',
    COMMENT COLUMN `consumer` 'owner of the token as the gateway names it';

ALTER TABLE incident_evidence
    COMMENT COLUMN `incident` 'id of the incident',
    COMMENT COLUMN `detector` 'detector',
    COMMENT COLUMN `key` 'what was odd',
    COMMENT COLUMN `ts` 'event time at which it was strongest',
    COMMENT COLUMN `llr` 'ln(P(seen | theft) / P(seen | owner)), nats',
    COMMENT COLUMN `seen` 'what was seen, in words',
    COMMENT COLUMN `normal` 'what is normal, in words',
    COMMENT COLUMN `attack_id` 'MITRE ATT&CK technique',
    COMMENT COLUMN `state` 'open, acknowledged or resolved',
    COMMENT COLUMN `severity` 'info, low, medium, high or critical',
    COMMENT COLUMN `token_hint` 'issuer''s prefix and last four characters of the token',
    COMMENT COLUMN `consumer` 'owner of the token as the gateway names it',
    COMMENT COLUMN `token_hex` 'token as 32 hexadecimal digits, for reading; filter by token, which is indexed',
    COMMENT COLUMN `token` 'fingerprint of the token; raw bytes, compare with unhex(...)';

ALTER TABLE incident_requests
    COMMENT COLUMN `incident` 'id of the incident',
    COMMENT COLUMN `ts` 'event time',
    COMMENT COLUMN `ip` 'client address, IPv4 mapped into IPv6',
    COMMENT COLUMN `country` 'ISO 3166-1 alpha-2, upper case; empty when unknown',
    COMMENT COLUMN `region` 'first subdivision of the country',
    COMMENT COLUMN `city` 'city in English',
    COMMENT COLUMN `asn` 'number of the autonomous system; 0 unknown',
    COMMENT COLUMN `as_org` 'organisation that runs the autonomous system',
    COMMENT COLUMN `network` 'kind of network: residential, mobile, business, hosting, vpn, tor or unknown',
    COMMENT COLUMN `method` 'HTTP method',
    COMMENT COLUMN `route` 'path as a template, e.g. /v1/models/{id}',
    COMMENT COLUMN `path` 'path as requested, secrets in its query removed',
    COMMENT COLUMN `status` 'HTTP status; 0 when the log has none',
    COMMENT COLUMN `bytes_in` 'size of the request, bytes',
    COMMENT COLUMN `bytes_out` 'size of the response, bytes',
    COMMENT COLUMN `latency_us` 'time to answer, microseconds',
    COMMENT COLUMN `user_agent` 'User-Agent as sent',
    COMMENT COLUMN `client` 'product and major version of the user agent',
    COMMENT COLUMN `units_in` 'LLM tokens of the prompt',
    COMMENT COLUMN `units_out` 'LLM tokens of the answer',
    COMMENT COLUMN `cost_usd` 'spend, US dollars',
    COMMENT COLUMN `request_id` 'id the gateway gave the request',
    COMMENT COLUMN `topic` 'Kafka topic',
    COMMENT COLUMN `partition` 'Kafka partition',
    COMMENT COLUMN `offset` 'Kafka offset',
    COMMENT COLUMN `item` 'number of the entry within a batched record, from 0',
    COMMENT COLUMN `token_hex` 'token as 32 hexadecimal digits, for reading; filter by token, which is indexed',
    COMMENT COLUMN `token` 'fingerprint of the token; raw bytes, compare with unhex(...)';

ALTER TABLE incident_spans
    COMMENT COLUMN `id` 'id of the incident',
    COMMENT COLUMN `token` 'fingerprint of the token; raw bytes, compare with unhex(...)',
    COMMENT COLUMN `since` 'event time of the first evidence',
    COMMENT COLUMN `updated` 'event time of the last finding',
    COMMENT COLUMN `state` 'open, acknowledged or resolved',
    COMMENT COLUMN `severity` 'info, low, medium, high or critical',
    COMMENT COLUMN `began` 'what the incident itself says of that; 1970 when it does not';

ALTER TABLE ingest_audit
    COMMENT COLUMN `topic` 'Kafka topic',
    COMMENT COLUMN `partition` 'Kafka partition',
    COMMENT COLUMN `min_offset` 'lowest offset stored',
    COMMENT COLUMN `max_offset` 'highest offset stored',
    COMMENT COLUMN `entries` 'rows in events and dead_letters',
    COMMENT COLUMN `distinct_offsets` 'offsets with at least one row',
    COMMENT COLUMN `gaps` 'offsets between the lowest and the highest without a row',
    COMMENT COLUMN `repeats` 'entries stored more than once: 0, or there is a defect',
    COMMENT COLUMN `absent` 'offsets that held no record: compacted away, or the end of a transaction',
    COMMENT COLUMN `lost` 'offsets that were deleted before they were read';

ALTER TABLE ingest_hours
    COMMENT COLUMN `hour` 'start of the hour (UTC)',
    COMMENT COLUMN `topic` 'Kafka topic',
    COMMENT COLUMN `source` 'log format',
    COMMENT COLUMN `requests` 'requests',
    COMMENT COLUMN `dead_letters` 'records that were refused',
    COMMENT COLUMN `clamped` 'requests whose time was implausible and was moved',
    COMMENT COLUMN `median_delay_seconds` 'from a request until it was taken in, median',
    COMMENT COLUMN `p95_delay_seconds` 'the same, 95th percentile';

ALTER TABLE new_places_today
    COMMENT COLUMN `token_hex` 'token as 32 hexadecimal digits, for reading; filter by token, which is indexed',
    COMMENT COLUMN `token_hint` 'issuer''s prefix and last four characters of the token',
    COMMENT COLUMN `consumer` 'owner of the token as the gateway names it',
    COMMENT COLUMN `environment` 'prod, dev, test, ...',
    COMMENT COLUMN `country` 'ISO 3166-1 alpha-2, upper case; empty when unknown',
    COMMENT COLUMN `region` 'first subdivision of the country',
    COMMENT COLUMN `city` 'city in English',
    COMMENT COLUMN `asn` 'number of the autonomous system; 0 unknown',
    COMMENT COLUMN `as_org` 'organisation that runs the autonomous system',
    COMMENT COLUMN `network` 'kind of network: residential, mobile, business, hosting, vpn, tor or unknown',
    COMMENT COLUMN `new_country` 'the token had never been used from this country',
    COMMENT COLUMN `new_network` 'the token had never been used from this autonomous system',
    COMMENT COLUMN `requests` 'requests from there, today',
    COMMENT COLUMN `addresses` 'distinct client addresses, counted with an error of about 2 %',
    COMMENT COLUMN `clients` 'products and major versions of the user agents',
    COMMENT COLUMN `first_seen` 'time of the first request from there, today',
    COMMENT COLUMN `last_seen` 'time of the last request',
    COMMENT COLUMN `token_since` 'time of the token''s first request of all',
    COMMENT COLUMN `token` 'fingerprint of the token; raw bytes, compare with unhex(...)';

ALTER TABLE old_tokens
    COMMENT COLUMN `token_hex` 'token as 32 hexadecimal digits, for reading; filter by token, which is indexed',
    COMMENT COLUMN `token_hint` 'issuer''s prefix and last four characters of the token',
    COMMENT COLUMN `consumer` 'owner of the token as the gateway names it',
    COMMENT COLUMN `environment` 'prod, dev, test, ...',
    COMMENT COLUMN `first_seen` 'time of the first request',
    COMMENT COLUMN `last_seen` 'time of the last request',
    COMMENT COLUMN `age_days` 'days since the first request',
    COMMENT COLUMN `active_days` 'days (UTC) on which there was a request',
    COMMENT COLUMN `requests` 'requests',
    COMMENT COLUMN `token` 'fingerprint of the token; raw bytes, compare with unhex(...)';

ALTER TABLE open_incidents
    COMMENT COLUMN `incident` 'id of the incident',
    COMMENT COLUMN `state` 'open, acknowledged or resolved',
    COMMENT COLUMN `severity` 'the highest so far: info, low, medium, high or critical',
    COMMENT COLUMN `score` 'the highest so far; 1.0 is enough for an alert',
    COMMENT COLUMN `token_hint` 'issuer''s prefix and last four characters of the token',
    COMMENT COLUMN `consumer` 'owner of the token as the gateway names it',
    COMMENT COLUMN `environment` 'prod, dev, test, ...',
    COMMENT COLUMN `opened` 'event time of the first finding',
    COMMENT COLUMN `updated` 'event time of the last finding',
    COMMENT COLUMN `age_minutes` 'minutes since it was opened',
    COMMENT COLUMN `summary` 'what happened, in a sentence',
    COMMENT COLUMN `detectors` 'detectors with evidence, each once',
    COMMENT COLUMN `requests` 'requests since the evidence began',
    COMMENT COLUMN `addresses` 'distinct client addresses since the evidence began',
    COMMENT COLUMN `token_hex` 'token as 32 hexadecimal digits, for reading; filter by token, which is indexed',
    COMMENT COLUMN `token` 'fingerprint of the token; raw bytes, compare with unhex(...)';

ALTER TABLE owner_tokens
    COMMENT COLUMN `consumer` 'owner of the token as the gateway names it',
    COMMENT COLUMN `environment` 'prod, dev, test, ...',
    COMMENT COLUMN `tokens` 'tokens that were ever seen',
    COMMENT COLUMN `used_7_days` 'of these, used in the last 7 days',
    COMMENT COLUMN `unused_30_days` 'of these, silent for 30 days or longer',
    COMMENT COLUMN `older_90_days` 'of these, first seen 90 days ago or earlier',
    COMMENT COLUMN `requests` 'requests',
    COMMENT COLUMN `denied` 'requests answered with status 401 or 403',
    COMMENT COLUMN `cost_usd` 'spend, US dollars',
    COMMENT COLUMN `countries` 'countries, ISO 3166-1 alpha-2',
    COMMENT COLUMN `tokens_in_incidents` 'of these, in an incident that is not resolved',
    COMMENT COLUMN `first_seen` 'time of the first request',
    COMMENT COLUMN `last_seen` 'time of the last request';

ALTER TABLE shared_addresses
    COMMENT COLUMN `ip` 'client address, IPv4 mapped into IPv6',
    COMMENT COLUMN `tokens` 'distinct tokens',
    COMMENT COLUMN `owners` 'distinct owners of these tokens',
    COMMENT COLUMN `requests` 'requests',
    COMMENT COLUMN `denied` 'requests answered with status 401 or 403',
    COMMENT COLUMN `country` 'ISO 3166-1 alpha-2, upper case; empty when unknown',
    COMMENT COLUMN `asn` 'number of the autonomous system; 0 unknown',
    COMMENT COLUMN `as_org` 'organisation that runs the autonomous system',
    COMMENT COLUMN `network` 'kind of network: residential, mobile, business, hosting, vpn, tor or unknown',
    COMMENT COLUMN `token_hints` 'hints of the tokens, up to 20',
    COMMENT COLUMN `first_seen` 'time of the first request',
    COMMENT COLUMN `last_seen` 'time of the last request';

ALTER TABLE token_activity
    COMMENT COLUMN `token` 'fingerprint of the token; raw bytes, compare with unhex(...)',
    COMMENT COLUMN `hour` 'start of the hour (UTC)',
    COMMENT COLUMN `country` 'ISO 3166-1 alpha-2, upper case; empty when unknown',
    COMMENT COLUMN `region` 'first subdivision of the country',
    COMMENT COLUMN `city` 'city in English',
    COMMENT COLUMN `asn` 'number of the autonomous system; 0 unknown',
    COMMENT COLUMN `network` 'kind of network: residential, mobile, business, hosting, vpn, tor or unknown',
    COMMENT COLUMN `client` 'product and major version of the user agent',
    COMMENT COLUMN `token_hint` 'issuer''s prefix and last four characters of the token',
    COMMENT COLUMN `consumer` 'owner of the token as the gateway names it',
    COMMENT COLUMN `environment` 'prod, dev, test, ...',
    COMMENT COLUMN `as_org` 'organisation that runs the autonomous system',
    COMMENT COLUMN `lat` 'latitude in degrees; lat and lon are both 0 when unknown',
    COMMENT COLUMN `lon` 'longitude in degrees',
    COMMENT COLUMN `requests` 'requests',
    COMMENT COLUMN `errors` 'requests answered with status 400 or more',
    COMMENT COLUMN `denied` 'requests answered with status 401 or 403',
    COMMENT COLUMN `bytes_in` 'size of the requests, bytes',
    COMMENT COLUMN `bytes_out` 'size of the responses, bytes',
    COMMENT COLUMN `units_in` 'LLM tokens of the prompts',
    COMMENT COLUMN `units_out` 'LLM tokens of the answers',
    COMMENT COLUMN `cost_usd` 'spend, US dollars',
    COMMENT COLUMN `first_seen` 'time of the first request',
    COMMENT COLUMN `last_seen` 'time of the last request',
    COMMENT COLUMN `addresses` 'distinct client addresses; read with uniqCombinedMerge(12)';

ALTER TABLE token_clients
    COMMENT COLUMN `token_hex` 'token as 32 hexadecimal digits, for reading; filter by token, which is indexed',
    COMMENT COLUMN `client` 'product and major version of the user agent',
    COMMENT COLUMN `requests` 'requests',
    COMMENT COLUMN `share` 'part of the token''s requests, 0 to 1',
    COMMENT COLUMN `active_days` 'days (UTC) on which there was a request',
    COMMENT COLUMN `addresses` 'distinct client addresses, counted with an error of about 2 %',
    COMMENT COLUMN `first_seen` 'time of the first request',
    COMMENT COLUMN `last_seen` 'time of the last request',
    COMMENT COLUMN `token` 'fingerprint of the token; raw bytes, compare with unhex(...)';

ALTER TABLE token_days
    COMMENT COLUMN `token_hex` 'token as 32 hexadecimal digits, for reading; filter by token, which is indexed',
    COMMENT COLUMN `day` 'day (UTC)',
    COMMENT COLUMN `requests` 'requests',
    COMMENT COLUMN `errors` 'requests answered with status 400 or more',
    COMMENT COLUMN `denied` 'requests answered with status 401 or 403',
    COMMENT COLUMN `bytes_out` 'size of the responses, bytes',
    COMMENT COLUMN `units` 'LLM tokens of prompts and answers',
    COMMENT COLUMN `cost_usd` 'spend, US dollars',
    COMMENT COLUMN `active_hours` 'hours in which there was a request',
    COMMENT COLUMN `addresses` 'distinct client addresses, counted with an error of about 2 %',
    COMMENT COLUMN `countries` 'countries, ISO 3166-1 alpha-2',
    COMMENT COLUMN `clients` 'products and major versions of the user agents',
    COMMENT COLUMN `first_seen` 'time of the first request',
    COMMENT COLUMN `last_seen` 'time of the last request',
    COMMENT COLUMN `token` 'fingerprint of the token; raw bytes, compare with unhex(...)';

ALTER TABLE token_hours
    COMMENT COLUMN `token_hex` 'token as 32 hexadecimal digits, for reading; filter by token, which is indexed',
    COMMENT COLUMN `hour_utc` 'hour of the day, 0 to 23 (UTC)',
    COMMENT COLUMN `requests` 'requests',
    COMMENT COLUMN `share` 'part of the token''s requests, 0 to 1',
    COMMENT COLUMN `on_weekdays` 'requests from Monday to Friday',
    COMMENT COLUMN `on_weekends` 'requests on Saturday and Sunday',
    COMMENT COLUMN `active_days` 'days (UTC) on which there was a request',
    COMMENT COLUMN `last_seen` 'time of the last request',
    COMMENT COLUMN `token` 'fingerprint of the token; raw bytes, compare with unhex(...)';

ALTER TABLE token_minutes
    COMMENT COLUMN `token` 'fingerprint of the token; raw bytes, compare with unhex(...)',
    COMMENT COLUMN `minute` 'start of the minute (UTC)',
    COMMENT COLUMN `requests` 'requests',
    COMMENT COLUMN `errors` 'requests answered with status 400 or more',
    COMMENT COLUMN `bytes_out` 'size of the responses, bytes',
    COMMENT COLUMN `units` 'LLM tokens of prompts and answers',
    COMMENT COLUMN `cost_usd` 'spend, US dollars';

ALTER TABLE token_names
    COMMENT COLUMN `token` 'fingerprint of the token; raw bytes, compare with unhex(...)',
    COMMENT COLUMN `name` 'another fingerprint of the same token';

ALTER TABLE token_networks
    COMMENT COLUMN `token_hex` 'token as 32 hexadecimal digits, for reading; filter by token, which is indexed',
    COMMENT COLUMN `asn` 'number of the autonomous system; 0 unknown',
    COMMENT COLUMN `as_org` 'organisation that runs the autonomous system',
    COMMENT COLUMN `network` 'kind of network: residential, mobile, business, hosting, vpn, tor or unknown',
    COMMENT COLUMN `requests` 'requests',
    COMMENT COLUMN `share` 'part of the token''s requests, 0 to 1',
    COMMENT COLUMN `countries` 'countries, ISO 3166-1 alpha-2',
    COMMENT COLUMN `active_days` 'days (UTC) on which there was a request',
    COMMENT COLUMN `addresses` 'distinct client addresses, counted with an error of about 2 %',
    COMMENT COLUMN `first_seen` 'time of the first request',
    COMMENT COLUMN `last_seen` 'time of the last request',
    COMMENT COLUMN `token` 'fingerprint of the token; raw bytes, compare with unhex(...)';

ALTER TABLE token_other_names
    COMMENT COLUMN `token` 'fingerprint of the token; raw bytes, compare with unhex(...)',
    COMMENT COLUMN `name` 'another fingerprint of the same token';

ALTER TABLE token_places
    COMMENT COLUMN `token_hex` 'token as 32 hexadecimal digits, for reading; filter by token, which is indexed',
    COMMENT COLUMN `country` 'ISO 3166-1 alpha-2, upper case; empty when unknown',
    COMMENT COLUMN `region` 'first subdivision of the country',
    COMMENT COLUMN `city` 'city in English',
    COMMENT COLUMN `asn` 'number of the autonomous system; 0 unknown',
    COMMENT COLUMN `as_org` 'organisation that runs the autonomous system',
    COMMENT COLUMN `network` 'kind of network: residential, mobile, business, hosting, vpn, tor or unknown',
    COMMENT COLUMN `requests` 'requests',
    COMMENT COLUMN `share` 'part of the token''s requests, 0 to 1',
    COMMENT COLUMN `active_days` 'days (UTC) on which there was a request',
    COMMENT COLUMN `addresses` 'distinct client addresses, counted with an error of about 2 %',
    COMMENT COLUMN `first_seen` 'time of the first request',
    COMMENT COLUMN `last_seen` 'time of the last request',
    COMMENT COLUMN `token` 'fingerprint of the token; raw bytes, compare with unhex(...)';

ALTER TABLE token_profile
    COMMENT COLUMN `token_hex` 'token as 32 hexadecimal digits, for reading; filter by token, which is indexed',
    COMMENT COLUMN `token_hint` 'issuer''s prefix and last four characters of the token',
    COMMENT COLUMN `consumer` 'owner of the token as the gateway names it',
    COMMENT COLUMN `environment` 'prod, dev, test, ...',
    COMMENT COLUMN `first_seen` 'time of the first request',
    COMMENT COLUMN `last_seen` 'time of the last request',
    COMMENT COLUMN `active_days` 'days (UTC) on which there was a request',
    COMMENT COLUMN `requests` 'requests',
    COMMENT COLUMN `requests_per_active_day` 'requests a day, over active days',
    COMMENT COLUMN `error_share` 'part answered with status 400 or more, 0 to 1',
    COMMENT COLUMN `denied` 'requests answered with status 401 or 403',
    COMMENT COLUMN `bytes_out` 'size of the responses, bytes',
    COMMENT COLUMN `units_in` 'LLM tokens of the prompts',
    COMMENT COLUMN `units_out` 'LLM tokens of the answers',
    COMMENT COLUMN `cost_usd` 'spend, US dollars',
    COMMENT COLUMN `addresses` 'distinct client addresses, counted with an error of about 2 %',
    COMMENT COLUMN `countries` 'countries, the five most used, ISO 3166-1 alpha-2',
    COMMENT COLUMN `networks` 'kinds of network, the most used first',
    COMMENT COLUMN `clients` 'products and major versions, the five most used',
    COMMENT COLUMN `hours_utc` 'requests by hour of the day (UTC); index 1 is midnight',
    COMMENT COLUMN `renamed` 'an older fingerprint, from before the pepper was rotated',
    COMMENT COLUMN `token` 'fingerprint of the token; raw bytes, compare with unhex(...)';

ALTER TABLE token_rate
    COMMENT COLUMN `token_hex` 'token as 32 hexadecimal digits, for reading; filter by token, which is indexed',
    COMMENT COLUMN `active_minutes` 'minutes in which there was a request',
    COMMENT COLUMN `requests` 'requests',
    COMMENT COLUMN `median_minute` 'requests in a usual minute',
    COMMENT COLUMN `p99_minute` 'requests in a busy minute: 99th percentile',
    COMMENT COLUMN `peak_minute` 'requests in the busiest minute',
    COMMENT COLUMN `peak_at` 'the busiest minute',
    COMMENT COLUMN `peak_bytes_out` 'most bytes sent in a minute',
    COMMENT COLUMN `peak_cost_usd` 'most spent in a minute, US dollars',
    COMMENT COLUMN `last_minute` 'the last minute with a request',
    COMMENT COLUMN `token` 'fingerprint of the token; raw bytes, compare with unhex(...)';

ALTER TABLE token_routes
    COMMENT COLUMN `token_hex` 'token as 32 hexadecimal digits, for reading; filter by token, which is indexed',
    COMMENT COLUMN `method` 'HTTP method',
    COMMENT COLUMN `route` 'path as a template, e.g. /v1/models/{id}',
    COMMENT COLUMN `requests` 'requests',
    COMMENT COLUMN `share` 'part of the token''s requests, 0 to 1',
    COMMENT COLUMN `errors` 'requests answered with status 400 or more',
    COMMENT COLUMN `denied` 'requests answered with status 401 or 403',
    COMMENT COLUMN `bytes_out` 'size of the responses, bytes',
    COMMENT COLUMN `first_seen` 'time of the first request',
    COMMENT COLUMN `last_seen` 'time of the last request',
    COMMENT COLUMN `token` 'fingerprint of the token; raw bytes, compare with unhex(...)';

ALTER TABLE unused_tokens
    COMMENT COLUMN `token_hex` 'token as 32 hexadecimal digits, for reading; filter by token, which is indexed',
    COMMENT COLUMN `token_hint` 'issuer''s prefix and last four characters of the token',
    COMMENT COLUMN `consumer` 'owner of the token as the gateway names it',
    COMMENT COLUMN `environment` 'prod, dev, test, ...',
    COMMENT COLUMN `first_seen` 'time of the first request',
    COMMENT COLUMN `last_seen` 'time of the last request',
    COMMENT COLUMN `silent_days` 'days since the last request',
    COMMENT COLUMN `active_days` 'days (UTC) on which there was a request',
    COMMENT COLUMN `requests` 'requests',
    COMMENT COLUMN `token` 'fingerprint of the token; raw bytes, compare with unhex(...)';
