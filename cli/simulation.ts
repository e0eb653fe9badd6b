// `beckon simulate`: replays files through the real topologies under virtual time and writes what they give to a folder.
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Pipeline } from '../runtime/pipeline.ts';
import { RECEIPT_RANK, type Source, type SourceRecord, simulate, TABLE_RANK } from '../runtime/simulation.ts';
import type { Campaign } from '../schemas/campaign.ts';
import { DEFAULT_TENANT, Definitions } from '../schemas/definitions.ts';
import { jsonForm } from '../schemas/json-form.ts';
import { defaultPolicy, type Policy } from '../schemas/policy.ts';
import {
  consents,
  decisions,
  events,
  outcomes,
  profiles,
  receipts,
  sendRequests,
  sends,
  sessions,
  signals,
  type Topic,
} from '../schemas/topics.ts';
import { engage } from '../topologies/engage.ts';
import type { Topology } from '../topologies/graph.ts';
import { pace } from '../topologies/pace.ts';
import { definitionRecords } from './files/definition-records.ts';
import { fileSize, type LineBatch, readNdjson, UnreadableFile } from './files/ndjson.ts';
import { LineWriter } from './files/output.ts';
import { type InputCounts, type Summary, Tally } from './files/summary.ts';
import { openOutFolder, SUMMARY_FILE } from './simulate/out-folder.ts';
import { openRecordFiles } from './simulate/record-file.ts';
import { RUN_FILE, runFileText } from './simulate/run-file.ts';

/** Paths of the files that are replayed. */
export interface InputPaths {
  readonly events: string;
  readonly profiles?: string;
  readonly consents?: string;
  readonly sendRequests?: string;
  /** What became of sends; without it every delivery succeeds at once. */
  readonly receipts?: string;
}

export interface SimulateOptions extends InputPaths {
  /** Whose the campaigns and the policy are, and the records that name none. Absent: the default tenant. */
  readonly tenantId?: string;
  /** Undefined: sessions and signals alone. */
  readonly campaigns?: readonly Campaign[];
  readonly policy: Policy;
  /** Epoch ms. */
  readonly until?: number;
  /** ms; default: the policy's. */
  readonly lateness?: number;
  readonly out: string;
  readonly onProgress?: (progress: Progress) => void;
  /** How many records of a file of profiles or consents came after later events, as the file is not in order of time. */
  readonly onUnordered?: (path: string, records: number) => void;
  /** Aborts the run between two batches of records; it ends with the signal's reason, and whole lines are written. */
  readonly signal?: AbortSignal;
}

export interface Progress {
  readonly records: number;
  readonly bytesRead: number;
  readonly bytesTotal: number;
}

const OUTPUTS: readonly Topic<unknown>[] = [sessions, signals, decisions, sends, outcomes];

/** Paths of the inputs, and a line for each that can't be read. */
export function checkInputs(inputs: InputPaths): { readonly paths: readonly string[]; readonly refusals: string[] } {
  const paths = inputFiles(inputs).map(({ path }) => path);
  const refusals = paths.flatMap((path) => {
    try {
      fileSize(path);
      return [];
    } catch (error) {
      if (error instanceof UnreadableFile) return error.lines;
      throw error;
    }
  });
  return { paths, refusals };
}

/** Runs it to the end. Throws `UnreadableFile`, `BadInput` when the folder can't be made, and what aborts the signal. */
export async function runSimulation(options: SimulateOptions): Promise<Summary> {
  const { tenantId = DEFAULT_TENANT, policy, campaigns, out, until, signal } = options;
  // What is the installation's is never another tenant's.
  const installation = tenantId === DEFAULT_TENANT ? policy : defaultPolicy;
  const { lateness = installation.latenessMs } = options;
  const inputs = inputFiles(options);
  const bytesTotal = inputs.reduce((sum, file) => sum + fileSize(file.path), 0);
  openOutFolder(out);
  // Written first: it marks the folder as a simulation's, though the run may not finish.
  const given = {
    events: options.events,
    profiles: options.profiles,
    consents: options.consents,
    sendRequests: options.sendRequests,
    receipts: options.receipts,
  };
  writeFileSync(
    join(out, RUN_FILE),
    runFileText({ tenantId, inputs: given, latenessMs: lateness, until, campaigns, policy }, out),
  );

  const tally = new Tally({ receipts: options.receipts !== undefined });
  const files = openRecordFiles(out, OUTPUTS);
  const deadLetters = new LineWriter(join(out, 'dead-letters.ndjson'));
  const deadLetter = (letter: object): void => deadLetters.write(JSON.stringify(letter));
  const definitions = new Definitions();
  for (const record of definitionRecords(campaigns ?? [], policy, { tenantId })) definitions.apply(record);

  const pipeline = new Pipeline({
    topologies: topologiesOf(options, definitions),
    lateness,
    maxJump: installation.maxJumpMs,
    onOutput: (topic, value) => {
      const file = files.get(topic);
      if (file === undefined) return;
      tally.output(topic, value);
      file.write(value);
    },
    onFailure: (where, { code, message }) => deadLetter({ where, code, message }),
  });

  let records = 0;
  let latest = 0;
  const sources = inputs.map(
    (file) => new FileSource(file, tally.input(file.topic.name), { tenantId, deadLetter, signal }),
  );
  const sourceOf = new Map(sources.map((source) => [source.topic, source]));
  try {
    await simulate({
      pipeline,
      sources,
      ...(until === undefined ? {} : { until }),
      onFate: (record, fate) => {
        records++;
        const source = sourceOf.get(record.topic) as FileSource;
        const time = record.topic.timeOf(record.value);
        if (source.rank !== TABLE_RANK) latest = Math.max(latest, time);
        else if (time < latest) source.unordered++;
        if (typeof fate === 'object') source.refuse(record, fate.code, fate.message);
        else if (fate === 'not-reached') source.counts.notReached++;
        else source.counts[fate]++;
      },
      onProgress: () =>
        options.onProgress?.({ records, bytesTotal, bytesRead: sources.reduce((sum, s) => sum + s.bytesRead, 0) }),
    });
  } finally {
    for (const file of files.values()) file.close();
    deadLetters.close();
  }
  for (const { path, unordered } of sources) if (unordered > 0) options.onUnordered?.(path, unordered);
  const summary = tally.summary();
  writeFileSync(join(out, SUMMARY_FILE), `${JSON.stringify(summary, null, 2)}\n`);
  return summary;
}

/** What nobody asks for is not computed; without receipts every delivery succeeds at once. */
function topologiesOf({ campaigns, receipts }: SimulateOptions, definitions: Definitions): readonly Topology[] {
  if (campaigns === undefined) return [engage(definitions, { decides: false })];
  const measures = campaigns.some(({ conversion }) => conversion !== null);
  return [engage(definitions, { measures, receipts: receipts !== undefined }), pace(definitions)];
}

interface InputFile {
  readonly path: string;
  readonly topic: Topic<unknown>;
  readonly rank: number;
}

/** On a tie of time tables come first, then events, send-requests and receipts. */
function inputFiles(options: InputPaths): readonly InputFile[] {
  const files: readonly (readonly [string | undefined, Topic<unknown>, number])[] = [
    [options.profiles, profiles, TABLE_RANK],
    [options.consents, consents, TABLE_RANK],
    [options.events, events, 1],
    [options.sendRequests, sendRequests, 2],
    [options.receipts, receipts, RECEIPT_RANK],
  ];
  return files.flatMap(([path, topic, rank]) => (path === undefined ? [] : [{ path, topic, rank }]));
}

interface SourceOptions {
  readonly tenantId: string;
  readonly deadLetter: (letter: object) => void;
  readonly signal: AbortSignal | undefined;
}

/** A file as a source of the simulation; what can't be taken goes to the dead letters, with its line. */
class FileSource implements Source {
  readonly rank: number;
  readonly topic: Topic<unknown>;
  readonly counts: InputCounts;
  readonly path: string;
  bytesRead = 0;
  unordered = 0;
  readonly #name: string;
  readonly #batches: AsyncGenerator<LineBatch<unknown>>;
  readonly #deadLetter: (letter: object) => void;
  readonly #signal: AbortSignal | undefined;

  constructor({ path, topic, rank }: InputFile, counts: InputCounts, { tenantId, deadLetter, signal }: SourceOptions) {
    this.rank = rank;
    this.topic = topic;
    this.counts = counts;
    this.path = path;
    this.#name = basename(path);
    this.#deadLetter = deadLetter;
    this.#signal = signal;
    this.#batches = readNdjson(path, topic, tenantId);
  }

  async next(): Promise<readonly SourceRecord[] | undefined> {
    const { value: batch, done } = await this.#batches.next();
    this.#signal?.throwIfAborted();
    if (done) return undefined;
    this.bytesRead = batch.bytesRead;
    this.counts.read += batch.lines.length + batch.bad.length;
    for (const { line, code, message, original } of batch.bad) {
      this.counts.deadLetters++;
      const content =
        code === 'not-utf8' ? { originalBase64: original.toString('base64') } : { original: original.toString('utf8') };
      this.#deadLetter({ file: this.#name, topic: this.topic.name, line, code, message, ...content });
    }
    return batch.lines.map(({ line, value }) => ({ topic: this.topic, value, line }));
  }

  refuse({ line, value }: SourceRecord, code: string, message: string): void {
    this.counts.deadLetters++;
    const original = jsonForm(this.topic).write(value);
    this.#deadLetter({ file: this.#name, topic: this.topic.name, line, code, message, original });
  }
}
