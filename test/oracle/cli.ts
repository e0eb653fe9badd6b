// node test/oracle/cli.ts EVENTS.ndjson[.gz] [--lateness 5m] [--gap 30m] [--thresholds 3d,7d,14d,30d] [--against OUT]
// Prints counts and digests as JSON; with --against (a simulation's --out folder) it compares and exits 1 on a difference.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import type { Session, Signal, UserEvent } from '../../schemas/types.ts';
import { replay } from './arrivals.ts';
import { digest, sessionLine, signalLine } from './canonical.ts';
import { durationText, parseDuration } from './common.ts';
import type { OracleSignal } from './signals.ts';

const toMs = (time: string | number): number => (typeof time === 'number' ? time : Date.parse(time));

function linesOf(file: string): string[] {
  const bytes = readFileSync(file);
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return text.split('\n').filter((line) => line.trim() !== '');
}

function readEvent(line: string): UserEvent {
  const raw = JSON.parse(line) as Partial<Omit<UserEvent, 'occurredAt'>> & { readonly occurredAt: string | number };
  return {
    eventId: raw.eventId ?? '',
    tenantId: raw.tenantId ?? 'default',
    userId: raw.userId ?? '',
    sessionId: raw.sessionId ?? null,
    occurredAt: toMs(raw.occurredAt),
    type: raw.type ?? '',
    properties: raw.properties ?? {},
  };
}

function theirs(out: string): { sessions: string[]; signals: string[] } {
  const sessions = linesOf(join(out, 'sessions.ndjson')).map((line) => {
    const session = JSON.parse(line) as Session;
    return sessionLine({ ...session, startedAt: toMs(session.startedAt), endedAt: toMs(session.endedAt) });
  });
  const signals = linesOf(join(out, 'signals.ndjson')).map((line) => {
    const signal = JSON.parse(line) as Signal;
    return signalLine({ ...signal, firedAt: toMs(signal.firedAt) });
  });
  return { sessions, signals };
}

/** Lines of `a` that `b` lacks, each as often as it lacks it. */
function lacking(a: readonly string[], b: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of b) left.set(line, (left.get(line) ?? 0) + 1);
  return a.filter((line) => {
    const n = left.get(line) ?? 0;
    left.set(line, n - 1);
    return n <= 0;
  });
}

function kinds(signals: readonly OracleSignal[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const signal of signals) {
    const name = signal.kind === 'inactive' ? `inactive ${signal.facts.threshold}` : signal.kind;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      lateness: { type: 'string', default: '5m' },
      gap: { type: 'string', default: '30m' },
      thresholds: { type: 'string', default: '3d,7d,14d,30d' },
      against: { type: 'string' },
    },
  });
  const [file] = positionals;
  if (!file) throw new Error('name the events: node test/oracle/cli.ts EVENTS.ndjson.gz');
  const thresholds = values.thresholds.split(',').map(parseDuration);
  const events = linesOf(file).map(readEvent);
  const result = replay(events, {
    gapMs: parseDuration(values.gap),
    thresholds,
    lateness: parseDuration(values.lateness),
  });
  const sessions = result.sessions.map(sessionLine);
  const signals = result.signals.map(signalLine);
  const report = {
    events: events.length,
    counts: result.counts,
    sessions: sessions.length,
    signals: signals.length,
    kinds: kinds(result.signals),
    thresholds: thresholds.map(durationText),
    sha256: { sessions: digest(sessions), signals: digest(signals) },
  };
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  if (values.against === undefined) return;
  const other = theirs(values.against);
  for (const [name, ours, found] of [
    ['sessions', sessions, other.sessions],
    ['signals', signals, other.signals],
  ] as const) {
    const missing = lacking(ours, found);
    const extra = lacking(found, ours);
    process.stdout.write(`${name}: ${missing.length} missing, ${extra.length} too many\n`);
    for (const line of missing.slice(0, 5)) process.stdout.write(`  missing  ${line}\n`);
    for (const line of extra.slice(0, 5)) process.stdout.write(`  too many ${line}\n`);
    if (missing.length + extra.length > 0) process.exitCode = 1;
  }
}

main();
