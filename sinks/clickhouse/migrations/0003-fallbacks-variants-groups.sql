-- Fallbacks tell their hop and chain, contents their variant, profiles their groups.

ALTER TABLE decisions
    ADD COLUMN IF NOT EXISTS `hop` Int32 COMMENT '0 for the first channel, counting up with each fallback.',
    ADD COLUMN IF NOT EXISTS `fallbacks` Array(String) COMMENT 'Channels that are tried in turn where this one fails, best first.',
    ADD COLUMN IF NOT EXISTS `variant` LowCardinality(Nullable(String)) COMMENT 'The variant of the content, where the campaign has several.';

ALTER TABLE sends
    ADD COLUMN IF NOT EXISTS `variant` LowCardinality(Nullable(String)) COMMENT 'The variant of the content, where the campaign has several.';

ALTER TABLE profiles
    ADD COLUMN IF NOT EXISTS `groups` Array(String) COMMENT 'Groups the user belongs to, such as a savings group.';

ALTER TABLE send_requests
    ADD COLUMN IF NOT EXISTS `not_before` Nullable(DateTime64(3, 'UTC')) COMMENT 'The message may not be sent before this instant.';

ALTER TABLE candidates
    ADD COLUMN IF NOT EXISTS `sending_window_holidays` Array(String) COMMENT 'Local days (YYYY-MM-DD) on which no slot may lie.';
