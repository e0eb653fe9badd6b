// The difference of two simulations as tables for people.
import { formatMicros } from '../../schemas/money.ts';
import { isKeyOf } from '../../schemas/topics.ts';
import { columns } from '../columns.ts';
import { oneLine } from '../printable.ts';
import type { Change, Difference, Moved, Shift } from './compare.ts';

export interface ReportOptions {
  /** Its users are named without it. */
  readonly tenantId: string;
  /** Of every cost. */
  readonly currency: string;
  /** Also every user who gains or loses. */
  readonly list: boolean;
}

const COUNTS = ['BEFORE', 'AFTER', 'CHANGE'] as const;

export function differenceText(difference: Difference, { tenantId, currency, list }: ReportOptions): string {
  const campaigns = Object.entries(difference.campaigns);
  const why = campaigns.flatMap(([id, { gained, lost }]) => [
    ...shifts(id, 'gained', gained),
    ...shifts(id, 'lost', lost),
  ]);
  const parts = [
    columns(
      ['CAMPAIGN', 'DEFINITION', ...COUNTS, 'GAINED', 'BY USERS', 'LOST', 'BY USERS'],
      campaigns.map(([id, { definition, messages, gained, lost }]) => [
        ...[id, definition, ...changed(messages)],
        ...[gained.messages, gained.users, lost.messages, lost.users].map(grouped),
      ]),
      [...COUNTS, 'GAINED', 'LOST', 'BY USERS'],
    ),
    why.length === 0
      ? 'Nobody gains or loses a message.\n'
      : columns(['MESSAGES', 'CAMPAIGN', 'BECAUSE IN THE OTHER RUN', 'COUNT'], why, ['COUNT']),
    columns(
      ['SPEND', ...COUNTS],
      campaigns.map(([id, { spendMicros }]) => [id, ...changed(spendMicros, (n) => formatMicros(n, currency))]),
      [...COUNTS],
    ),
    ...counted('NOT SENT BECAUSE', difference.reasons),
    ...counted('FREQUENCY CAP', difference.caps),
    ...counted('MESSAGES ON', difference.days),
  ];
  if (list) parts.push(difference.users.map((moved) => userLine(moved, tenantId)).join(''));
  return `${parts.filter((part) => part !== '').join('\n')}`;
}

function shifts(id: string, what: 'gained' | 'lost', { reasons }: Shift): string[][] {
  return Object.entries(reasons).map(([reason, n]) => [what, id, reason, grouped(n)]);
}

function counted(title: string, changes: Readonly<Record<string, Change>>): string[] {
  const rows = Object.entries(changes).map(([name, change]) => [name, ...changed(change)]);
  return rows.length === 0 ? [] : [columns([title, ...COUNTS], rows, [...COUNTS])];
}

function changed({ before, after }: Change, text: (n: number) => string = grouped): string[] {
  const change = after - before;
  return [text(before), text(after), change > 0 ? `+${text(change)}` : text(change)];
}

/** "+1 amina of winback-7d: frequency-cap". */
function userLine({ user, campaignId, messages, reasons }: Moved, tenantId: string): string {
  const name = isKeyOf(tenantId, user) ? user.slice(tenantId.length + 1) : user;
  return oneLine(`${messages > 0 ? '+' : ''}${messages} ${name} of ${campaignId}: ${reasons.join(', ')}`).concat('\n');
}

function grouped(n: number): string {
  return n.toLocaleString('en-US');
}
