// What a campaign has reserved and spent: in all and by channel in one row, by local day in rows of their own, so that a
// reservation costs the same however many days a campaign has run.
import { budgetDay, budgetLedger } from '../../schemas/cells.ts';
import type { BudgetDay, BudgetLedger } from '../../schemas/state-types.ts';
import type { Context } from '../processor.ts';

/** Micro-units and messages that a record adds; negative: takes away. */
export interface Change {
  readonly reserved?: number;
  readonly spent?: number;
  readonly overrun?: number;
  readonly messages?: number;
  readonly spentMessages?: number;
}

const EMPTY: BudgetLedger = {
  reserved: 0,
  overrun: 0,
  channels: {},
  days: {},
  spent: 0,
  spentChannels: {},
  messages: 0,
  spentMessages: 0,
};
const EMPTY_DAY: BudgetDay = { reserved: 0, spent: 0, messages: 0, spentMessages: 0 };

/** The campaign's ledger, with the days of a former version in rows of their own. */
export function ledgerOf(context: Context): BudgetLedger {
  const ledger = context.get(budgetLedger) ?? EMPTY;
  const days = Object.entries(ledger.days);
  if (days.length === 0) return ledger;
  for (const [day, reserved] of days) context.set(budgetDay, { ...EMPTY_DAY, reserved }, day);
  const moved = { ...ledger, days: {} };
  context.set(budgetLedger, moved);
  return moved;
}

/** Micro-units reserved on a local day. */
export function reservedOn(day: string, context: Context): number {
  return context.get(budgetDay, day)?.reserved ?? 0;
}

/** Counts a change in all, on the channel and on the day. */
export function book(
  { channel, day }: { readonly channel: string; readonly day: string },
  change: Change,
  context: Context,
): void {
  const { reserved = 0, spent = 0, overrun = 0, messages = 0, spentMessages = 0 } = change;
  const ledger = ledgerOf(context);
  context.set(budgetLedger, {
    reserved: sum(ledger.reserved, reserved),
    overrun: sum(ledger.overrun, overrun),
    channels: added(ledger.channels, channel, reserved),
    days: ledger.days,
    spent: sum(ledger.spent, spent),
    spentChannels: added(ledger.spentChannels, channel, spent),
    messages: ledger.messages + messages,
    spentMessages: ledger.spentMessages + spentMessages,
  });
  const so = context.get(budgetDay, day) ?? EMPTY_DAY;
  context.set(
    budgetDay,
    {
      reserved: sum(so.reserved, reserved),
      spent: sum(so.spent, spent),
      messages: so.messages + messages,
      spentMessages: so.spentMessages + spentMessages,
    },
    day,
  );
}

function added(channels: Readonly<Record<string, number>>, channel: string, micros: number): Record<string, number> {
  return micros === 0 ? channels : { ...channels, [channel]: sum(channels[channel] ?? 0, micros) };
}

/** Stops at the most that can be kept: what receipts tell may be any amount, and must not end the task. */
function sum(before: number, micros: number): number {
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(before + micros, Number.MAX_SAFE_INTEGER));
}
