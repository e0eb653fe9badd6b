// A user's story from a simulation's --out folder and the files it read.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Definitions } from '../../schemas/definitions.ts';
import {
  consents,
  decisions,
  events,
  profiles,
  receipts,
  sendRequests,
  sessions,
  signals,
  type Topic,
} from '../../schemas/topics.ts';
import { BadInput } from '../errors.ts';
import { definitionRecords } from '../files/definition-records.ts';
import { readNdjson, readNdjsonWith } from '../files/ndjson.ts';
import { SUMMARY_FILE } from '../simulate/out-folder.ts';
import { readRunFile } from '../simulate/run-file.ts';
import { gatherStory, type Story } from './story.ts';

export interface Asked {
  readonly tenantId: string;
  readonly userId: string;
  readonly campaignId: string | undefined;
}

/** Of what is asked, the tenant may be left out: it is the simulation's then. */
export type AskedOfFolder = Omit<Asked, 'tenantId'> & { readonly tenantId: string | undefined };

/** Throws `BadInput` and `UnreadableFile`; `warn` is told which files changed since. */
export async function storyFromFolder(
  folder: string,
  asked: AskedOfFolder,
  warn: (line: string) => void,
): Promise<Story> {
  const { run, changed } = readRunFile(folder);
  if (!existsSync(join(folder, SUMMARY_FILE))) {
    throw new BadInput(`--from ${folder}: the simulation did not finish; run it again`);
  }
  for (const line of changed) warn(line);
  let definitions: Definitions | undefined;
  if (run.campaigns !== undefined) {
    definitions = new Definitions();
    for (const record of definitionRecords(run.campaigns, run.policy, run)) definitions.apply(record);
  }
  const { inputs } = run;
  const records = <T>(path: string | undefined, topic: Topic<T>): AsyncIterable<T> | readonly T[] =>
    path === undefined ? [] : recordsOf(path, topic, asked.userId, run.tenantId);
  return gatherStory({
    ...asked,
    tenantId: asked.tenantId ?? run.tenantId,
    where: `in the files of the simulation in ${folder}`,
    definitions,
    latenessMs: run.latenessMs,
    until: run.until,
    events: records(inputs.events, events),
    profiles: records(inputs.profiles, profiles),
    consents: records(inputs.consents, consents),
    sendRequests: records(inputs.sendRequests, sendRequests),
    receipts: records(inputs.receipts, receipts),
    decisions: records(join(folder, 'decisions.ndjson'), decisions),
    sessions: records(join(folder, 'sessions.ndjson'), sessions),
    signals: records(join(folder, 'signals.ndjson'), signals),
  });
}

/** Whose JSON may spell an id otherwise (\\u00e9, \\/), its lines can't be searched for: all are parsed. */
async function* recordsOf<T>(path: string, topic: Topic<T>, userId: string, tenantId: string): AsyncIterable<T> {
  if (/^[\w .:@+-]+$/.test(userId)) yield* readNdjsonWith(path, topic, `"${userId}"`, tenantId);
  else for await (const { lines } of readNdjson(path, topic, tenantId)) for (const { value } of lines) yield value;
}
