// What a simulation came to, as tables for people.
import Table from 'cli-table3';
import type { Campaign } from '../../schemas/campaign.ts';
import { formatMicros } from '../../schemas/money.ts';
import type { InputCounts, Summary } from '../files/summary.ts';
import { oneLine } from '../printable.ts';

export interface ReportOptions {
  /** Undefined: the run decided nothing. */
  readonly campaigns: readonly Campaign[] | undefined;
  /** Of every cost. */
  readonly currency: string;
}

type Row = readonly (string | number)[];

export function reportText(summary: Summary, { campaigns, currency }: ReportOptions): string {
  const { inputs, sessions, signals, decisions, reasons } = summary;
  const parts = [
    table(
      ['input', 'read', 'processed', 'late', 'duplicate', 'dead letters', 'not reached'],
      Object.entries(inputs).map(([name, counts]) => [name, ...countsOf(counts)]),
    ),
    table(
      ['', 'count'],
      [['sessions', sessions], ...Object.entries(signals).map(([kind, n]): Row => [`signal ${kind}`, n])],
    ),
  ];
  if (campaigns === undefined) parts.push('No --campaigns: nothing was decided.');
  else {
    const outcomes = Object.entries(decisions);
    const why = Object.entries(reasons);
    parts.push(
      outcomes.length === 0
        ? 'No campaign was triggered: nothing was decided.'
        : table(['decisions', 'count'], outcomes),
    );
    if (why.length > 0) parts.push(table(['not sent because of', 'count'], why));
    parts.push(
      table(['campaign', 'requests', 'sent', 'spent', 'budget', 'used'], spending(summary, campaigns, currency)),
    );
  }
  return `${parts.join('\n\n')}\n`;
}

function countsOf({ read, processed, late, duplicate, deadLetters, notReached }: InputCounts): Row {
  return [read, processed, late, duplicate, deadLetters, notReached];
}

function spending(summary: Summary, campaigns: readonly Campaign[], currency: string): readonly Row[] {
  const ids = [...new Set([...campaigns.map(({ id }) => id), ...Object.keys(summary.campaigns)])];
  return ids.map((id) => {
    const { requests = 0, sent = 0, spendMicros = 0 } = summary.campaigns[id] ?? {};
    const campaign = campaigns.find((c) => c.id === id);
    const total = campaign?.budget?.totalMicros ?? null;
    const limit = total === null ? withoutTotal(campaign) : formatMicros(total, currency);
    const used = total === null || total === 0 ? '' : `${((spendMicros / total) * 100).toFixed(1)} %`;
    return [oneLine(id.slice(0, 60)), requests, sent, formatMicros(spendMicros, currency), limit, used];
  });
}

function withoutTotal(campaign: Campaign | undefined): string {
  if (campaign === undefined) return 'not a campaign';
  return campaign.budget === null ? 'none' : 'no total';
}

function table(head: readonly string[], rows: readonly Row[]): string {
  const isNumber = head.map((_, i) => rows.some((row) => typeof row[i] === 'number'));
  const made = new Table({
    head: [...head],
    colAligns: isNumber.map((yes) => (yes ? 'right' : 'left')),
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows)
    made.push(row.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en-US') : cell)));
  return made.toString();
}
