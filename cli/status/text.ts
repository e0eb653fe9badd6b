// A campaign's status in words.
import type { CampaignStatus, Results, Spend } from '../../api/campaign-status/model.ts';
import { formatMicros } from '../../schemas/money.ts';
import { columns } from '../columns.ts';
import { oneLine } from '../printable.ts';

const ADVICE = {
  increase: 'increase: less is spent than planned',
  reduce: 'reduce: more is spent than planned',
  maintain: 'maintain: as planned',
} as const;

export function statusText({ campaignId, name, status, version, at, budget, spend, results }: CampaignStatus): string {
  const currency = budget?.currency ?? 'USD';
  const money = (micros: number): string => formatMicros(micros, currency);
  const head = `${oneLine(name)} (${campaignId}), version ${version}, ${status}, as of ${at}\n`;
  const parts = [head];
  if (spend === null) parts.push('It has no budget.\n');
  else {
    const { totalMicros, from, to, pacing } = budget ?? { totalMicros: null, from: null, to: null, pacing: 'asap' };
    const span = from === null && to === null ? '' : `, ${from ?? 'always'} to ${to ?? 'open'}`;
    parts.push(`Budget ${totalMicros === null ? 'without a total' : money(totalMicros)}, ${pacing}${span}\n`);
    const isOver = to !== null && at >= to;
    parts.push(rows(spendRows(spend, money, isOver)), channelTable(spend, money));
  }
  parts.push(rows(resultRows(results, money, currency)));
  return parts.filter((part) => part !== '').join('\n');
}

type Row = readonly [name: string, value: string | null];
type Money = (micros: number) => string;

function spendRows(spend: Spend, money: Money, isOver: boolean): readonly Row[] {
  const { today, idealMicros, paceRatio, recommendation } = spend;
  const left = today.remainingMicros === null ? '' : `, ${money(today.remainingMicros)} left`;
  const ratio = paceRatio === null ? '' : ` (${percent(paceRatio)} of it is spent)`;
  return [
    ['ideal by now', idealMicros === null ? null : `${money(idealMicros)}${ratio}`],
    ['spent', `${money(spend.spentMicros)} for ${count(spend.messagesSent)}`],
    ['reserved or spent', `${money(spend.reservedMicros)} for ${count(spend.messagesReserved)}`],
    ['remaining', spend.remainingMicros === null ? null : money(spend.remainingMicros)],
    ['overrun', spend.overrunMicros === 0 ? null : money(spend.overrunMicros)],
    [
      `today, ${today.day}`,
      `${money(today.spentMicros)} spent, ${money(today.reservedMicros)} reserved or spent${left}`,
    ],
    [
      'recommendation',
      recommendation === null ? (isOver ? "none: the budget's time is over" : null) : ADVICE[recommendation],
    ],
    ['daily limit to reach it', spend.suggestedDailyMicros === null ? null : money(spend.suggestedDailyMicros)],
    ['used up', spend.exhaustedAt === null ? null : `${spend.exhaustedAt}, if it goes on as in the last seven days`],
  ];
}

function channelTable({ channels }: Spend, money: Money): string {
  const table = Object.entries(channels).map(([id, { spentMicros, reservedMicros, limitMicros }]) => [
    ...[id, money(spentMicros), money(reservedMicros), limitMicros === null ? '-' : money(limitMicros)],
  ]);
  const numbers = ['spent', 'reserved or spent', 'limit'];
  return columns(['channel', ...numbers], table, numbers);
}

function resultRows(results: Results, money: Money, currency: string): readonly Row[] {
  const { conversionRate, holdoutRate, lift, value, roi, conversions } = results;
  const costs = (micros: number | null): string | null => (micros === null ? null : money(micros));
  return [
    ['cost of a message', costs(results.costPerMessageMicros)],
    ['conversions', conversions === null ? null : String(conversions)],
    ['cost of a conversion', costs(results.costPerConversionMicros)],
    ['value', value === null ? null : `${value} ${currency}`],
    ['return on what is spent', roi === null ? null : percent(roi)],
    ['users who converted', conversionRate === null ? null : percent(conversionRate)],
    ['of the holdout', holdoutRate === null ? null : `${percent(holdoutRate)} of ${results.holdoutUsers} users`],
    ['lift', lift === null ? null : `${percent(lift)} points`.replace(' % points', ' percentage points')],
  ];
}

function rows(list: readonly Row[]): string {
  const told = list.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
  const width = Math.max(0, ...told.map(([name]) => name.length));
  return told.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('');
}

function count(messages: number): string {
  return messages === 1 ? '1 message' : `${messages} messages`;
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`;
}
