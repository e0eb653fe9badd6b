// What a campaign and the policy must agree on; each is valid by itself.
import type { Budget } from '../../schemas/campaign/budget.ts';
import { fixedText, textsOf } from '../../schemas/campaign/content.ts';
import type { Campaign } from '../../schemas/campaign.ts';
import { comparisonsOf } from '../../schemas/condition.ts';
import { formatDuration } from '../../schemas/durations.ts';
import { formatMicros } from '../../schemas/money.ts';
import { channelOf, type Policy } from '../../schemas/policy.ts';
import { hint, type Problem, problem } from '../../schemas/problems.ts';
import { smsSize } from '../../schemas/sms.ts';

/** What keeps a valid campaign from running as meant under a policy: errors, and warnings. */
export function checkCampaign(campaign: Campaign, policy: Policy): readonly Problem[] {
  const { trigger, channels, budget } = campaign;
  const found: Problem[] = [];
  if (trigger.kind === 'signal' && trigger.signal === 'inactive' && trigger.afterMs !== null) {
    if (!policy.inactivityMs.includes(trigger.afterMs)) {
      const thresholds = policy.inactivityMs.map(formatDuration).join(', ');
      const reason = `${formatDuration(trigger.afterMs)} is none of the policy's inactivity thresholds`;
      found.push(
        problem(['trigger', 'after'], reason, `write one of ${thresholds}, or add it to the policy's inactivity`),
      );
    }
  }
  found.push(...strangeSegments(campaign, policy));
  channels.forEach((channel, i) => {
    if (channelOf(policy, channel).enabled) return;
    const mend = 'enable it in the policy, or leave it out here';
    found.push({ ...problem(['channels', i], `${channel} is disabled by the policy`, mend), severity: 'warning' });
  });
  found.push(...checkSmsTexts(campaign));
  if (budget !== null) found.push(...checkBudget(budget, channels, policy));
  return found;
}

/** Providers charge each segment of an SMS; texts with variables have no length yet. */
function checkSmsTexts({ content, channels }: Campaign): Problem[] {
  return textsOf(content, channels).flatMap((placed) => {
    if (!placed.channels.includes('sms') || !['text', 'body'].includes(placed.field)) return [];
    const text = fixedText(placed);
    const size = text === undefined ? undefined : smsSize(text);
    if (size === undefined || size.segments === 1) return [];
    const cause = size.stranger === null ? '' : `, as "${size.stranger}" is not in the GSM-7 alphabet`;
    const reason = `takes ${size.segments} SMS segments (${size.units} units in ${size.encoding}${cause})`;
    const mend = 'shorten it for sms, or set costs.sms in the policy to what so many segments cost';
    return [{ ...problem(['content', ...placed.path], reason, mend), severity: 'warning' as const }];
  });
}

/** Segments that the policy does not have. */
function strangeSegments({ trigger, audience }: Campaign, { segments }: Policy): Problem[] {
  const where = 'where' in trigger ? trigger.where : null;
  const asked: [keys: string[], names: readonly (string | undefined)[]][] = [
    [['trigger', 'segment'], trigger.kind === 'segment' ? [trigger.segment] : []],
    [['trigger', 'where'], where === null ? [] : comparisonsOf(where).map(({ segment }) => segment)],
    [['audience'], audience === null ? [] : comparisonsOf(audience).map(({ segment }) => segment)],
  ];
  const known = Object.keys(segments);
  const mend = known.length === 0 ? 'define it under segments: in the policy' : '';
  return asked.flatMap(([keys, names]) =>
    names.flatMap((name) =>
      name === undefined || known.includes(name)
        ? []
        : [problem(keys, `"${name}" is no segment of the policy`, mend || hint(name, known))],
    ),
  );
}

function checkBudget(budget: Budget, channels: readonly string[], policy: Policy): Problem[] {
  if (budget.currency !== policy.currency) {
    const reason = `is ${budget.currency}, but the policy's costs are in ${policy.currency}`;
    return [problem(['budget', 'currency'], reason, `write ${policy.currency} and its amounts, or change the policy`)];
  }
  const costOf = (channel: string): number => channelOf(policy, channel).costMicros;
  const least = Math.min(...channels.map(costOf));
  const limits: [keys: string[], limit: number | null, cost: number][] = [
    [['total'], budget.totalMicros, least],
    [['daily'], budget.dailyMicros, least],
    ...Object.entries(budget.perChannelMicros).map(([channel, limit]): [string[], number, number] => [
      ['perChannel', channel],
      limit,
      costOf(channel),
    ]),
  ];
  return limits.flatMap(([keys, limit, cost]) => {
    if (limit === null || limit >= cost) return [];
    const paid = `${formatMicros(limit, budget.currency)} cannot pay one message at ${formatMicros(cost, budget.currency)}`;
    return [problem(['budget', ...keys], `impossible budget: ${paid}`, 'raise the limit, or leave the channel out')];
  });
}
