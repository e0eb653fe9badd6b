-- What analysts ask every day, summed as the rows come in. Days are UTC. Every statement can be run again.
-- A view over `SELECT *` keeps the columns of the day it was made: a migration that adds a column to its table makes it anew.

CREATE TABLE IF NOT EXISTS decisions_per_day_sums
(
    `tenant_id` LowCardinality(String),
    `day` Date COMMENT 'Of decided_at.',
    `campaign_id` LowCardinality(String),
    `outcome` LowCardinality(String),
    `reason` LowCardinality(String) COMMENT 'Empty when there is none.',
    `channel` LowCardinality(String) COMMENT 'Empty when none was chosen.',
    `decisions` UInt64
)
ENGINE = SummingMergeTree(decisions)
ORDER BY (tenant_id, day, campaign_id, outcome, reason, channel)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS decisions_per_day_feed TO decisions_per_day_sums AS
SELECT
    tenant_id,
    toDate(decided_at) AS day,
    campaign_id,
    outcome,
    ifNull(reason, '') AS reason,
    ifNull(channel, '') AS channel,
    count() AS decisions
FROM decisions
GROUP BY tenant_id, day, campaign_id, outcome, reason, channel;

CREATE VIEW IF NOT EXISTS decisions_per_day AS
SELECT tenant_id, day, campaign_id, outcome, reason, channel, sum(s.decisions) AS decisions
FROM decisions_per_day_sums AS s
GROUP BY tenant_id, day, campaign_id, outcome, reason, channel;

CREATE TABLE IF NOT EXISTS spend_per_day_sums
(
    `tenant_id` LowCardinality(String),
    `day` Date COMMENT 'Of due_at.',
    `campaign_id` LowCardinality(String),
    `channel` LowCardinality(String),
    `sends` UInt64,
    `cost_micros` Int64 COMMENT 'The cost counted at sending.'
)
ENGINE = SummingMergeTree((sends, cost_micros))
ORDER BY (tenant_id, day, campaign_id, channel)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS spend_per_day_feed TO spend_per_day_sums AS
SELECT
    tenant_id,
    toDate(due_at) AS day,
    campaign_id,
    channel,
    count() AS sends,
    sum(s.cost_micros) AS cost_micros
FROM sends AS s
GROUP BY tenant_id, day, campaign_id, channel;

CREATE VIEW IF NOT EXISTS spend_per_day AS
SELECT tenant_id, day, campaign_id, channel, sum(s.sends) AS sends, sum(s.cost_micros) AS cost_micros
FROM spend_per_day_sums AS s
GROUP BY tenant_id, day, campaign_id, channel;

CREATE VIEW IF NOT EXISTS receipts_once AS SELECT * FROM receipts FINAL;

CREATE VIEW IF NOT EXISTS profiles_now AS SELECT * FROM profiles FINAL;
