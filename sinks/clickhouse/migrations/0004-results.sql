-- What came of a campaign's messages, and what came without them in the holdout.

-- An outcome is written again under its id where a message that came late is the one it is due to: the newest holds.
CREATE VIEW IF NOT EXISTS outcomes_once AS
SELECT
    outcome_id,
    send_id,
    request_id,
    tenant_id,
    user_id,
    campaign_id,
    kind,
    event,
    value,
    occurred_at
FROM outcomes
ORDER BY _offset DESC
LIMIT 1 BY tenant_id, user_id, outcome_id;

-- Rates are shares of users, as the holdout is one of users: those with a message, and those who were held out. The bounds of
-- the lift are those of 95 %, by the normal approximation of the difference of two shares.
CREATE VIEW IF NOT EXISTS campaign_results AS
SELECT
    tenant_id,
    campaign_id,
    sum(m) AS messages,
    sum(c) AS cost_micros,
    sum(u) AS users,
    sum(o) AS conversions,
    sum(v) AS value,
    sum(cu) AS converted_users,
    sum(hu) AS holdout_users,
    sum(ho) AS holdout_conversions,
    sum(hv) AS holdout_value,
    sum(hcu) AS holdout_converted_users,
    if(users = 0, NULL, converted_users / users) AS conversion_rate,
    if(holdout_users = 0, NULL, holdout_converted_users / holdout_users) AS holdout_rate,
    conversion_rate - holdout_rate AS lift,
    lift - 1.96 * sqrt(conversion_rate * (1 - conversion_rate) / users + holdout_rate * (1 - holdout_rate) / holdout_users) AS lift_low,
    lift + 1.96 * sqrt(conversion_rate * (1 - conversion_rate) / users + holdout_rate * (1 - holdout_rate) / holdout_users) AS lift_high
FROM
(
    SELECT
        s.tenant_id AS tenant_id, s.campaign_id AS campaign_id,
        count() AS m, sum(s.cost_micros) AS c, uniqExact(s.user_id) AS u,
        toUInt64(0) AS o, CAST(NULL, 'Nullable(Float64)') AS v, toUInt64(0) AS cu,
        toUInt64(0) AS hu, toUInt64(0) AS ho, CAST(NULL, 'Nullable(Float64)') AS hv, toUInt64(0) AS hcu
    FROM sends AS s
    GROUP BY s.tenant_id, s.campaign_id
    UNION ALL
    SELECT
        d.tenant_id, d.campaign_id,
        toUInt64(0), toInt64(0), toUInt64(0),
        toUInt64(0), CAST(NULL, 'Nullable(Float64)'), toUInt64(0),
        uniqExact(d.user_id), toUInt64(0), CAST(NULL, 'Nullable(Float64)'), toUInt64(0)
    FROM decisions AS d
    WHERE d.outcome = 'holdout'
    GROUP BY d.tenant_id, d.campaign_id
    UNION ALL
    SELECT
        x.tenant_id, x.campaign_id,
        toUInt64(0), toInt64(0), toUInt64(0),
        countIf(x.kind = 'conversion'), sumIf(x.value, x.kind = 'conversion'), uniqExactIf(x.user_id, x.kind = 'conversion'),
        toUInt64(0), countIf(x.kind = 'holdout-conversion'), sumIf(x.value, x.kind = 'holdout-conversion'),
        uniqExactIf(x.user_id, x.kind = 'holdout-conversion')
    FROM outcomes_once AS x
    GROUP BY x.tenant_id, x.campaign_id
)
GROUP BY tenant_id, campaign_id;
