// The load the benchmarks run on: generated files in the JSON form of the topics, the same for the same parameters. Made once
// and kept in .cache/. Also by hand: node bench/load.ts --events 4000000 --users 400000
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Random, zipf } from '../cli/demo/random.ts';
import { LineWriter } from '../cli/files/output.ts';

export interface LoadOptions {
  /** Number of events. */
  readonly events: number;
  readonly users: number;
  readonly seed: number;
  /** More sessions by day than by night. */
  readonly rhythm: boolean;
}

export const DEFAULT_USERS = 100_000;
const DEFAULTS: LoadOptions = { events: 1_000_000, users: DEFAULT_USERS, seed: 1, rhythm: false };

/** Paths of the generated files. */
export interface Load {
  readonly events: string;
  readonly profiles: string;
  readonly consents: string;
}

const DAY = 86_400_000;
/** Events lie in the 14 days from here on; profiles and consents are from before. */
const FROM = Date.UTC(2026, 0, 5);
const SPAN = 14 * DAY;
const EVENTS_PER_SESSION = 8;
/** ms between two events of a session, in the mean. */
const STEP = 60_000;
const ZIPF = 0.8;
const CACHE = fileURLToPath(new URL('../.cache/bench/', import.meta.url));

/** The files of a load, made now if they are not there yet. `onWork` is told what is being made. */
export function loadFiles(options: Partial<LoadOptions> = {}, onWork: (what: string) => void = () => {}): Load {
  const all = { ...DEFAULTS, ...options };
  const { events, users, seed, rhythm } = all;
  const made = (name: string, lines: () => Iterable<string>): string => {
    const path = join(CACHE, `${name}-seed${seed}.ndjson`);
    if (!existsSync(path)) {
      onWork(path);
      writeLines(path, lines());
    }
    return path;
  };
  return {
    events: made(`events-${events}-users${users}${rhythm ? '-rhythm' : ''}`, () => eventLines(all)),
    profiles: made(`profiles-users${users}`, () => profileLines(all)),
    consents: made(`consents-users${users}`, () => consentLines(all)),
  };
}

/** Written under another name first, so that an interrupted run leaves no half file behind. */
function writeLines(path: string, lines: Iterable<string>): void {
  mkdirSync(dirname(path), { recursive: true });
  const writer = new LineWriter(`${path}.part`);
  for (const line of lines) writer.write(line);
  writer.close();
  renameSync(`${path}.part`, path);
}

interface OpenSession {
  readonly user: number;
  readonly session: number;
  /** Time of its next event, epoch ms. */
  at: number;
  left: number;
}

/** Events in order of time, as lines of JSON. Holds only the sessions that are open. */
export function* eventLines(options: Partial<LoadOptions> = {}): Generator<string> {
  const { events, users, seed, rhythm } = { ...DEFAULTS, ...options };
  const random = new Random(seed);
  const drawUser = zipf(users, ZIPF);
  const open = new SessionHeap();
  const wait = (SPAN * EVENTS_PER_SESSION) / events;
  let nextStart = FROM;
  let sessions = 0;
  for (let n = 0; n < events; ) {
    const first = open.first;
    if (first !== undefined && first.at <= nextStart) {
      yield eventLine(n++, first, random);
      first.left--;
      first.at += random.exponential(STEP);
      if (first.left === 0) open.drop();
      else open.settle();
      continue;
    }
    const left = random.geometric(EVENTS_PER_SESSION);
    open.push({ user: drawUser(random), session: sessions++, at: nextStart, left });
    nextStart = nextSessionStart(nextStart, wait, rhythm, random);
  }
}

/** With a rhythm, starts are thinned to a sine that is lowest at 03:00 UTC, and drawn more often to make up for it. */
function nextSessionStart(from: number, wait: number, rhythm: boolean, random: Random): number {
  let at = from;
  do at += random.exponential(rhythm ? wait / 2 : wait);
  while (rhythm && !random.chance(0.5 - 0.45 * Math.cos(((at - 3 * 3_600_000) / DAY) * 2 * Math.PI)));
  return at;
}

export const EVENT_TYPES = ['product_view', 'app_open', 'add_to_cart', 'purchase'] as const;
const SHARES = [68, 16, 11, 5];

function eventLine(n: number, { user, session, at }: OpenSession, random: Random): string {
  const type = EVENT_TYPES[random.weighted(SHARES)] as (typeof EVENT_TYPES)[number];
  const occurredAt = new Date(at).toISOString();
  const properties =
    type === 'app_open'
      ? `{"version":"3.${random.below(10)}"}`
      : `{"productId":"p${random.below(5000)}","category":"c${random.below(40)}","price":${(1 + random.below(20_000)) / 100}}`;
  return `{"eventId":"e${n}","userId":"u${user}","sessionId":"s${session}","occurredAt":"${occurredAt}","type":"${type}","properties":${properties}}`;
}

const COUNTRIES: readonly (readonly [country: string, timezone: string, locale: string])[] = [
  ['KE', 'Africa/Nairobi', 'sw-KE'],
  ['UG', 'Africa/Kampala', 'en-UG'],
  ['NG', 'Africa/Lagos', 'en-NG'],
  ['IN', 'Asia/Kolkata', 'en-IN'],
  ['DE', 'Europe/Berlin', 'de-DE'],
];

function* profileLines({ users, seed }: LoadOptions): Generator<string> {
  const random = new Random(seed + 1);
  const updatedAt = new Date(FROM - 2 * DAY).toISOString();
  for (let user = 0; user < users; user++) {
    const [country, timezone, locale] = random.pick(COUNTRIES);
    const phone = `+1${String(user).padStart(10, '0')}`;
    const contacts = { sms: phone, whatsapp: phone, email: `user${user}@example.com` };
    yield JSON.stringify({ userId: `u${user}`, timezone, locale, contacts, attributes: { country }, updatedAt });
  }
}

/** Nine in ten grant marketing on every channel, some of them not on SMS. */
function* consentLines({ users, seed }: LoadOptions): Generator<string> {
  const random = new Random(seed + 2);
  const changedAt = new Date(FROM - DAY).toISOString();
  for (let user = 0; user < users; user++) {
    const change = { userId: `u${user}`, purpose: 'marketing', version: '1', source: 'signup-form', changedAt };
    if (random.chance(0.9)) yield JSON.stringify({ ...change, granted: true });
    if (random.chance(0.1)) yield JSON.stringify({ ...change, channel: 'sms', granted: false });
  }
}

/** Open sessions, the one with the earliest next event first. */
class SessionHeap {
  readonly #heap: OpenSession[] = [];

  get first(): OpenSession | undefined {
    return this.#heap[0];
  }

  push(session: OpenSession): void {
    const heap = this.#heap;
    let at = heap.push(session) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if ((heap[up] as OpenSession).at <= session.at) break;
      heap[at] = heap[up] as OpenSession;
      at = up;
    }
    heap[at] = session;
  }

  drop(): void {
    const last = this.#heap.pop() as OpenSession;
    if (this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.settle();
  }

  /** Puts the first one where it belongs after its time has moved on. */
  settle(): void {
    const heap = this.#heap;
    const session = heap[0] as OpenSession;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as OpenSession).at < (heap[child] as OpenSession).at) child++;
      if ((heap[child] as OpenSession).at >= session.at) break;
      heap[at] = heap[child] as OpenSession;
      at = child;
    }
    heap[at] = session;
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      events: { type: 'string' },
      users: { type: 'string' },
      seed: { type: 'string' },
      rhythm: { type: 'boolean' },
    },
  });
  const { events, users, seed, rhythm = false } = values;
  const given = {
    ...(events && { events: Number(events) }),
    ...(users && { users: Number(users) }),
    ...(seed && { seed: Number(seed) }),
  };
  const files = loadFiles({ ...given, rhythm }, (path) => process.stderr.write(`writing ${path}\n`));
  process.stdout.write(`${JSON.stringify(files, null, 2)}\n`);
}
