// What `simulate` gives for people and the answers to what they are sent.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runSimulation } from '../../../cli/simulation.ts';
import { jsonForm } from '../../../schemas/json-form.ts';
import type { Policy } from '../../../schemas/policy.ts';
import { consents, events, profiles, receipts, sendRequests, sends, type Topic } from '../../../schemas/topics.ts';
import type { Receipt, SendCommand } from '../../../schemas/types.ts';
import { linesOf } from '../compared.ts';
import { campaigns } from './definitions.ts';
import { answersTo, type People, UNTIL } from './people.ts';

const MOST_ROUNDS = 20;

/** Simulates into `folder/out` until the receipts answer exactly the messages that are sent with them; resolves to those. */
export async function simulated(folder: string, all: People, policy: Policy): Promise<readonly Receipt[]> {
  const inputs = {
    events: write(folder, events, all.events),
    profiles: write(folder, profiles, all.profiles),
    consents: write(folder, consents, all.consents),
    sendRequests: write(folder, sendRequests, all.sendRequests),
  };
  const out = join(folder, 'out');
  let known: readonly Receipt[] = [];
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const given = write(folder, receipts, known);
    await runSimulation({ ...inputs, receipts: given, campaigns, policy, until: UNTIL, out });
    const sent = linesOf(join(out, 'sends.ndjson')).map(
      (line) => jsonForm(sends).read(JSON.parse(line)) as SendCommand,
    );
    const answers = answersTo(sent);
    if (JSON.stringify(answers) === JSON.stringify(known)) return known;
    known = answers;
  }
  throw new Error('the receipts never came to answer what was sent');
}

function write<T>(folder: string, topic: Topic<T>, values: readonly T[]): string {
  const file = join(folder, `${topic.name}.ndjson`);
  const form = jsonForm(topic);
  writeFileSync(file, values.map((value) => `${form.write(value)}\n`).join(''));
  return file;
}
