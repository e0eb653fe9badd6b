// A user's or a campaign's state, readable: every cell as its schema says, and the timers that are pending.
import { setImmediate as turn } from 'node:timers/promises';
import { timers as timerKinds } from '../processors/processor.ts';
import type { AvroComplex, AvroSchema, AvroType } from '../schemas/avro-schema.ts';
import { isoTime } from '../schemas/iso-time.ts';
import { KeyedState } from '../state/keyed-state.ts';
import type { Cell, Store } from '../state/store.ts';
import { decodeTimer, TIMER_PREFIX } from '../state/timer-order.ts';
import type { Topology } from '../topologies/graph.ts';

/** Timers looked at between two turns of the process. */
const PAGE = 4096;
const TIMERS_SHOWN = 1000;
/** First byte of a row's key in the store. */
const ROW = 0x72;
const ROWS_SHOWN = 1000;
/** Fields whose values are a person's: shown only where that is asked for. */
const PERSONAL: ReadonlySet<string> = new Set(['contacts', 'attributes', 'data']);
export const HIDDEN = '(hidden)';

export interface PendingTimer {
  readonly kind: string;
  /** ISO-8601: it fires when stream time is greater. */
  readonly at: string;
  readonly campaignId?: string;
  readonly requestedAt?: string;
  readonly id?: string;
}

/** Cells by name, as their schemas say. */
export type ReadableCells = Readonly<Record<string, unknown>>;

export interface ReadableState {
  readonly key: string;
  readonly topology: string;
  readonly partition: number;
  /** ISO-8601: how far the task's time has come, as of its last commit. */
  readonly streamTime: string | null;
  readonly cells: ReadableCells;
  /** Rows within the key, such as a campaign's reservations, by their ids; of very many, the first. */
  readonly rows: Readonly<Record<string, ReadableCells>>;
  readonly timers: readonly PendingTimer[];
}

export interface StateToRead {
  readonly store: Store;
  readonly topology: Topology;
  readonly partition: number;
  readonly key: string;
  /** Addresses, attributes and data are shown too. */
  readonly personal: boolean;
}

/** What is committed of a key; undefined when nothing is kept for it. Throws `StateUnreadable`. */
export async function readState({
  store,
  topology,
  partition,
  key,
  personal,
}: StateToRead): Promise<ReadableState | undefined> {
  const cells = [...new Set(topology.processors.flatMap(({ writes = [] }) => writes))];
  const state = new KeyedState({ store, cells });
  const cellsOf = (row: string): ReadableCells => {
    const found = state.row(row);
    return Object.fromEntries(
      cells.flatMap((cell) => {
        const value = state.get(found, cell);
        return value === undefined ? [] : [[cell.name, readableOf(cell, personal)(value)]];
      }),
    );
  };
  const own = cellsOf(key);
  const rows = Object.fromEntries(rowsWithin(store, key).map((sub) => [sub, cellsOf(`${key}\0${sub}`)]));
  const timers = await timersOf(store, key);
  if (Object.keys(own).length + Object.keys(rows).length + timers.length === 0) return undefined;
  return { key, topology: topology.name, partition, streamTime: streamTimeOf(store), cells: own, rows, timers };
}

function streamTimeOf(store: Store): string | null {
  const meta = store.get(Buffer.from('m/task'));
  if (meta === undefined) return null;
  const { streamTime } = JSON.parse(meta.toString('utf8')) as { readonly streamTime: number };
  return streamTime < 0 ? null : isoTime(streamTime);
}

function rowsWithin(store: Store, key: string): string[] {
  const prefix = Buffer.concat([Buffer.from([ROW]), Buffer.from(`${key}\0`)]);
  const end = Buffer.from(prefix);
  end[end.length - 1] = 1;
  return store.scan(prefix, end, ROWS_SHOWN).map(([found]) => found.toString('utf8', prefix.length));
}

/** All timers lie in the order in which they fire: those of one key are looked for among them. */
async function timersOf(store: Store, key: string): Promise<PendingTimer[]> {
  const end = Buffer.from([TIMER_PREFIX + 1]);
  const mine: PendingTimer[] = [];
  for (let from: Buffer = Buffer.from([TIMER_PREFIX]); ; ) {
    const page = store.scan(from, end, PAGE);
    for (const [bytes] of page) {
      const timer = decodeTimer(bytes);
      if (timer.key !== key || mine.length >= TIMERS_SHOWN) continue;
      const { at, rank, campaignId, requestedAt, id } = timer;
      mine.push({
        kind: Object.values(timerKinds).find((kind) => kind.rank === rank)?.name ?? String(rank),
        at: isoTime(at),
        ...(campaignId === '' ? {} : { campaignId }),
        ...(requestedAt === 0 ? {} : { requestedAt: isoTime(requestedAt) }),
        ...(id === '' ? {} : { id }),
      });
    }
    const last = page[page.length - 1];
    if (last === undefined || page.length < PAGE) return mine;
    from = Buffer.concat([last[0], Buffer.from([0])]);
    await turn();
  }
}

type Readable = (value: unknown) => unknown;

function readableOf(cell: Cell<unknown>, personal: boolean): Readable {
  return recordOf(JSON.parse(cell.codec.json) as AvroSchema, new Map(), personal);
}

function recordOf(schema: AvroSchema, named: Map<string, Readable>, personal: boolean): Readable {
  const fields: { readonly name: string; readonly readable: Readable }[] = [];
  const record: Readable = (value) => {
    const source = value as Readonly<Record<string, unknown>>;
    return Object.fromEntries(fields.map(({ name, readable }) => [name, readable(source[name])]));
  };
  named.set(schema.name, record);
  for (const { name, type } of schema.fields) {
    const readable = typeOf(type, named, personal);
    fields.push({ name, readable: !personal && PERSONAL.has(name) ? hidden : readable });
  }
  return record;
}

/** Of a map the names stay, so that one sees what there is. */
function hidden(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value === null ? null : HIDDEN;
  return Object.fromEntries(Object.keys(value).map((name) => [name, HIDDEN]));
}

function typeOf(type: AvroType, named: Map<string, Readable>, personal: boolean): Readable {
  if (Array.isArray(type)) {
    const others = (type as readonly AvroType[]).filter((member) => member !== 'null');
    if (others.length !== 1) return same;
    const readable = typeOf(others[0] as AvroType, named, personal);
    return (value) => (value === null ? null : readable(value));
  }
  if (typeof type === 'string') return named.get(type) ?? same;
  const { type: kind, logicalType, items, values } = type as AvroComplex;
  if (logicalType === 'timestamp-millis') return (value) => isoTime(value as number);
  if (kind === 'record') return recordOf(type as unknown as AvroSchema, named, personal);
  if (kind === 'array') {
    const readable = typeOf(items as AvroType, named, personal);
    return (value) => (value as readonly unknown[]).map(readable);
  }
  if (kind === 'map') {
    const readable = typeOf(values as AvroType, named, personal);
    return (value) =>
      Object.fromEntries(Object.entries(value as Record<string, unknown>).map(([name, v]) => [name, readable(v)]));
  }
  return same;
}

function same(value: unknown): unknown {
  return value;
}
