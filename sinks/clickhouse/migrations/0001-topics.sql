-- One table for each topic: the topic's fields and the record's place on the log. Every statement can be run again.

CREATE TABLE IF NOT EXISTS events
(
    `event_id` String COMMENT 'The producer\'s id of the event; repeated within an hour of event time it is a duplicate.',
    `tenant_id` LowCardinality(String) COMMENT 'The workspace the record belongs to; may not contain "/".',
    `user_id` String COMMENT 'The user within the tenant.',
    `session_id` Nullable(String) COMMENT 'The producing app\'s own session id, if it has one.',
    `occurred_at` DateTime64(3, 'UTC') COMMENT 'When it happened.',
    `type` LowCardinality(String) COMMENT 'What happened, e.g. "product_view".',
    `properties` Map(LowCardinality(String), String) COMMENT 'Free details, by name.',
    `properties_numbers` Map(LowCardinality(String), Float64) COMMENT 'Free details, by name. Its numbers.',
    `_partition` Int32 COMMENT 'The partition of the topic.',
    `_offset` Int64 COMMENT 'The offset in the partition; the two name the record.',
    INDEX log_offset _offset TYPE minmax,
    INDEX user_id user_id TYPE bloom_filter
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (tenant_id, type, occurred_at, user_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS profiles
(
    `tenant_id` LowCardinality(String) COMMENT 'The workspace the record belongs to; may not contain "/".',
    `user_id` String COMMENT 'The user within the tenant.',
    `timezone` LowCardinality(Nullable(String)) COMMENT 'IANA zone name, e.g. "Africa/Nairobi"; absent or unknown counts as UTC.',
    `locale` LowCardinality(Nullable(String)) COMMENT 'BCP 47 tag, e.g. "sw-KE".',
    `channel_preferences` Array(LowCardinality(String)) COMMENT 'Channels the user prefers, best first.',
    `customer_type` LowCardinality(Nullable(String)) COMMENT 'A kind of customer, as the policy names them.',
    `device` LowCardinality(Nullable(String)) COMMENT 'The device last used, e.g. "android", "feature-phone".',
    `notification_frequency` LowCardinality(Nullable(String)) COMMENT 'How often the user wants to hear from us; scales the caps.',
    `attributes` Map(LowCardinality(String), String) COMMENT 'Free attributes, by name.',
    `attributes_numbers` Map(LowCardinality(String), Float64) COMMENT 'Free attributes, by name. Its numbers.',
    `updated_at` DateTime64(3, 'UTC') COMMENT 'When the profile took this form.',
    `_partition` Int32 COMMENT 'The partition of the topic.',
    `_offset` Int64 COMMENT 'The offset in the partition; the two name the record.',
    INDEX log_offset _offset TYPE minmax
)
ENGINE = ReplacingMergeTree(_offset)
ORDER BY (tenant_id, user_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS consents
(
    `tenant_id` LowCardinality(String) COMMENT 'The workspace the record belongs to; may not contain "/".',
    `user_id` String COMMENT 'The user within the tenant.',
    `purpose` LowCardinality(String) COMMENT 'What the consent is for, e.g. "marketing"; "all" counts for every purpose.',
    `channel` LowCardinality(Nullable(String)) COMMENT 'The channel; absent: every channel.',
    `granted` Bool COMMENT 'true: granted; false: revoked.',
    `version` Nullable(String) COMMENT 'Version of the text agreed to.',
    `source` LowCardinality(Nullable(String)) COMMENT 'Where the change came from, e.g. "signup-form".',
    `changed_at` DateTime64(3, 'UTC') COMMENT 'When it changed. A grant counts from here on, a revocation as soon as it is known.',
    `_partition` Int32 COMMENT 'The partition of the topic.',
    `_offset` Int64 COMMENT 'The offset in the partition; the two name the record.',
    INDEX log_offset _offset TYPE minmax
)
ENGINE = MergeTree
ORDER BY (tenant_id, user_id, purpose, changed_at)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS campaigns
(
    `tenant_id` LowCardinality(String) COMMENT 'The workspace the record belongs to; may not contain "/".',
    `campaign_id` LowCardinality(String) COMMENT 'The campaign within the tenant.',
    `version` Int32 COMMENT 'Counts up from 1 with each change.',
    `effective_from` DateTime64(3, 'UTC') COMMENT 'The first instant this version is in force.',
    `definition` String COMMENT 'The campaign or policy as JSON; its model is schemas/campaign.ts or schemas/policy.ts.',
    `_partition` Int32 COMMENT 'The partition of the topic.',
    `_offset` Int64 COMMENT 'The offset in the partition; the two name the record.',
    INDEX log_offset _offset TYPE minmax
)
ENGINE = MergeTree
ORDER BY (tenant_id, campaign_id, version)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS send_requests
(
    `request_id` String COMMENT 'The asker\'s id; repeated within an hour of event time it is a duplicate.',
    `tenant_id` LowCardinality(String) COMMENT 'The workspace the record belongs to; may not contain "/".',
    `user_id` String COMMENT 'The user within the tenant.',
    `campaign_id` LowCardinality(String) COMMENT 'The campaign within the tenant.',
    `source` LowCardinality(String) COMMENT 'Who asks.',
    `requested_at` DateTime64(3, 'UTC') COMMENT 'When it was asked.',
    `_partition` Int32 COMMENT 'The partition of the topic.',
    `_offset` Int64 COMMENT 'The offset in the partition; the two name the record.',
    INDEX log_offset _offset TYPE minmax,
    INDEX user_id user_id TYPE bloom_filter
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(requested_at)
ORDER BY (tenant_id, campaign_id, requested_at, user_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS sessions
(
    `session_id` String COMMENT 'Derived from the user and startedAt.',
    `tenant_id` LowCardinality(String) COMMENT 'The workspace the record belongs to; may not contain "/".',
    `user_id` String COMMENT 'The user within the tenant.',
    `started_at` DateTime64(3, 'UTC') COMMENT 'The first event\'s time.',
    `ended_at` DateTime64(3, 'UTC') COMMENT 'The last event\'s time.',
    `duration_ms` Int64 COMMENT 'endedAt - startedAt, in milliseconds.',
    `event_count` Int32 COMMENT 'Events in the session.',
    `event_types` Map(LowCardinality(String), Int32) COMMENT 'Events by type.',
    `app_session_ids` Array(String) COMMENT 'The app\'s own session ids seen in it, distinct, in byte order.',
    `_partition` Int32 COMMENT 'The partition of the topic.',
    `_offset` Int64 COMMENT 'The offset in the partition; the two name the record.',
    INDEX log_offset _offset TYPE minmax,
    INDEX user_id user_id TYPE bloom_filter
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ended_at)
ORDER BY (tenant_id, ended_at, user_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS signals
(
    `signal_id` String COMMENT 'Derived from the kind, the user and firedAt.',
    `tenant_id` LowCardinality(String) COMMENT 'The workspace the record belongs to; may not contain "/".',
    `user_id` String COMMENT 'The user within the tenant.',
    `kind` LowCardinality(String) COMMENT '"inactive" or "returned".',
    `fired_at` DateTime64(3, 'UTC') COMMENT 'The event time the signal is dated at.',
    `facts` Map(LowCardinality(String), String) COMMENT 'inactive: threshold ("7d"), lastSeenAt (ISO-8601); returned: silentMs.',
    `facts_numbers` Map(LowCardinality(String), Float64) COMMENT 'inactive: threshold ("7d"), lastSeenAt (ISO-8601); returned: silentMs. Its numbers.',
    `_partition` Int32 COMMENT 'The partition of the topic.',
    `_offset` Int64 COMMENT 'The offset in the partition; the two name the record.',
    INDEX log_offset _offset TYPE minmax,
    INDEX user_id user_id TYPE bloom_filter
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(fired_at)
ORDER BY (tenant_id, kind, fired_at, user_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS candidates
(
    `kind` LowCardinality(String) COMMENT 'reserve asks; release gives back; spent confirms; correct tells the actual cost.',
    `request_id` String COMMENT 'The request it is for.',
    `hop` Int32 COMMENT '0 for the first channel, counting up with each fallback.',
    `tenant_id` LowCardinality(String) COMMENT 'The workspace the record belongs to; may not contain "/".',
    `campaign_id` LowCardinality(String) COMMENT 'The campaign within the tenant.',
    `user_id` String COMMENT 'The user within the tenant.',
    `requested_at` DateTime64(3, 'UTC') COMMENT 'The request\'s time; the verdict is processed at it.',
    `channels.channel` Array(LowCardinality(String)) COMMENT 'The channel.',
    `channels.max_cost_micros` Array(Int64) COMMENT 'The most one message costs on it, in micro-units of the budget\'s currency.',
    `earliest_at` DateTime64(3, 'UTC') COMMENT 'The earliest allowed instant.',
    `expires_at` DateTime64(3, 'UTC') COMMENT 'The last allowed instant.',
    `sending_window_quiet_hours` Nullable(String) COMMENT 'Local "HH:MM-HH:MM" in which no slot may lie.',
    `sending_window_timezone` LowCardinality(Nullable(String)) COMMENT 'The user\'s IANA zone.',
    `cost_micros` Nullable(Int64) COMMENT 'correct: the actual cost in micro-units.',
    `_partition` Int32 COMMENT 'The partition of the topic.',
    `_offset` Int64 COMMENT 'The offset in the partition; the two name the record.',
    INDEX log_offset _offset TYPE minmax,
    INDEX user_id user_id TYPE bloom_filter
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(requested_at)
ORDER BY (tenant_id, campaign_id, requested_at, request_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS verdicts
(
    `request_id` String COMMENT 'The request it is for.',
    `hop` Int32 COMMENT 'As in the candidate.',
    `tenant_id` LowCardinality(String) COMMENT 'The workspace the record belongs to; may not contain "/".',
    `campaign_id` LowCardinality(String) COMMENT 'The campaign within the tenant.',
    `user_id` String COMMENT 'The user within the tenant.',
    `requested_at` DateTime64(3, 'UTC') COMMENT 'As in the candidate.',
    `outcome` LowCardinality(String) COMMENT 'The answer.',
    `channel` LowCardinality(Nullable(String)) COMMENT 'The channel the budget allows.',
    `cost_micros` Nullable(Int64) COMMENT 'The cost reserved, in micro-units.',
    `slot_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'The instant of the slot.',
    `reason` LowCardinality(Nullable(String)) COMMENT 'Why it was refused: one of the budget reasons, or quiet-hours.',
    `facts` Map(LowCardinality(String), String) COMMENT 'What the verdict rests on.',
    `facts_numbers` Map(LowCardinality(String), Float64) COMMENT 'What the verdict rests on. Its numbers.',
    `_partition` Int32 COMMENT 'The partition of the topic.',
    `_offset` Int64 COMMENT 'The offset in the partition; the two name the record.',
    INDEX log_offset _offset TYPE minmax,
    INDEX user_id user_id TYPE bloom_filter
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(requested_at)
ORDER BY (tenant_id, campaign_id, requested_at, request_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS sends
(
    `send_id` String COMMENT 'requestId#hop.',
    `request_id` String COMMENT 'The request it answers.',
    `hop` Int32 COMMENT '0 for the first channel, counting up with each fallback.',
    `tenant_id` LowCardinality(String) COMMENT 'The workspace the record belongs to; may not contain "/".',
    `user_id` String COMMENT 'The user within the tenant.',
    `campaign_id` LowCardinality(String) COMMENT 'The campaign within the tenant.',
    `channel` LowCardinality(String) COMMENT 'The channel.',
    `cost_micros` Int64 COMMENT 'The cost counted for it, in micro-units.',
    `due_at` DateTime64(3, 'UTC') COMMENT 'The instant it is meant for.',
    `expires_at` DateTime64(3, 'UTC') COMMENT 'It must not be delivered after this instant.',
    `idempotency_key` String COMMENT 'The same for every attempt of this send.',
    `_partition` Int32 COMMENT 'The partition of the topic.',
    `_offset` Int64 COMMENT 'The offset in the partition; the two name the record.',
    INDEX log_offset _offset TYPE minmax,
    INDEX user_id user_id TYPE bloom_filter
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(due_at)
ORDER BY (tenant_id, campaign_id, due_at, user_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS decisions
(
    `decision_id` String COMMENT 'requestId#scheduled or requestId#final.',
    `request_id` String COMMENT 'The request decided.',
    `tenant_id` LowCardinality(String) COMMENT 'The workspace the record belongs to; may not contain "/".',
    `user_id` String COMMENT 'The user within the tenant.',
    `campaign_id` LowCardinality(String) COMMENT 'The campaign within the tenant.',
    `source` LowCardinality(String) COMMENT 'Who asked.',
    `cause` Nullable(String) COMMENT 'The event, session or signal that triggered it.',
    `requested_at` DateTime64(3, 'UTC') COMMENT 'When it was asked.',
    `decided_at` DateTime64(3, 'UTC') COMMENT 'Event time of the decision.',
    `outcome` LowCardinality(String) COMMENT 'scheduled is followed by a final one; every other outcome is final.',
    `reason` LowCardinality(Nullable(String)) COMMENT 'Why not sent: one of the closed list in schemas/reasons.ts.',
    `steps.gate` Array(LowCardinality(String)) COMMENT 'The gate.',
    `steps.verdict` Array(LowCardinality(String)) COMMENT 'What it said.',
    `steps.facts` Array(Map(LowCardinality(String), String)) COMMENT 'The facts it used.',
    `steps.facts_numbers` Array(Map(LowCardinality(String), Float64)) COMMENT 'The facts it used. Its numbers.',
    `channel` LowCardinality(Nullable(String)) COMMENT 'The channel chosen.',
    `due_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'The moment of sending.',
    `cost_micros` Nullable(Int64) COMMENT 'The cost counted or reserved, in micro-units.',
    `definition_version` Int32 COMMENT 'Version of the campaign decided by; 0 when there is none.',
    `_partition` Int32 COMMENT 'The partition of the topic.',
    `_offset` Int64 COMMENT 'The offset in the partition; the two name the record.',
    INDEX log_offset _offset TYPE minmax,
    INDEX user_id user_id TYPE bloom_filter
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(decided_at)
ORDER BY (tenant_id, campaign_id, decided_at, user_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS receipts
(
    `receipt_id` String COMMENT 'Derived from the send and the status; readers deduplicate by it.',
    `send_id` String COMMENT 'The send it answers.',
    `tenant_id` LowCardinality(String) COMMENT 'The workspace the record belongs to; may not contain "/".',
    `user_id` String COMMENT 'The user within the tenant.',
    `campaign_id` LowCardinality(String) COMMENT 'The campaign within the tenant.',
    `request_id` String COMMENT 'The request of the send.',
    `hop` Int32 COMMENT 'As in the send.',
    `channel` LowCardinality(String) COMMENT 'The channel.',
    `status` LowCardinality(String) COMMENT 'unknown: a crash fell between the call and its answer.',
    `occurred_at` DateTime64(3, 'UTC') COMMENT 'When.',
    `cost_micros` Nullable(Int64) COMMENT 'Actual cost in micro-units.',
    `provider_message_id` Nullable(String) COMMENT 'The provider\'s id.',
    `error` Nullable(String) COMMENT 'Why it failed; no personal data.',
    `_partition` Int32 COMMENT 'The partition of the topic.',
    `_offset` Int64 COMMENT 'The offset in the partition; the two name the record.',
    INDEX log_offset _offset TYPE minmax,
    INDEX user_id user_id TYPE bloom_filter
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant_id, campaign_id, receipt_id)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS outcomes
(
    `outcome_id` String COMMENT 'Derived from the send or request and the event.',
    `send_id` Nullable(String) COMMENT 'The send, for a conversion.',
    `request_id` Nullable(String) COMMENT 'The request, for a holdout conversion.',
    `tenant_id` LowCardinality(String) COMMENT 'The workspace the record belongs to; may not contain "/".',
    `user_id` String COMMENT 'The user within the tenant.',
    `campaign_id` LowCardinality(String) COMMENT 'The campaign within the tenant.',
    `kind` LowCardinality(String) COMMENT '"conversion" or "holdout-conversion".',
    `event` LowCardinality(String) COMMENT 'The event\'s type.',
    `value` Nullable(Float64) COMMENT 'The value property of the event.',
    `occurred_at` DateTime64(3, 'UTC') COMMENT 'When the event occurred.',
    `_partition` Int32 COMMENT 'The partition of the topic.',
    `_offset` Int64 COMMENT 'The offset in the partition; the two name the record.',
    INDEX log_offset _offset TYPE minmax,
    INDEX user_id user_id TYPE bloom_filter
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (tenant_id, campaign_id, occurred_at, user_id)
SETTINGS non_replicated_deduplication_window = 10000;
