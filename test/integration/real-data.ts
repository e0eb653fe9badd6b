// Real event files (named by BECKON_DATA) with profiles and consents made up for their users, so that campaigns can send.

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readNdjson } from '../../cli/files/ndjson.ts';
import { jsonForm } from '../../schemas/json-form.ts';
import { consents, events, profiles } from '../../schemas/topics.ts';

export interface DataFile {
  readonly name: string;
  readonly lateness: string;
  readonly sessions: number;
  readonly signals: number;
}

/** Counts as a batch script written apart from the engine gives them. */
export const dataFiles: readonly DataFile[] = [
  { name: 'college-messages', lateness: '5m', sessions: 49_415, signals: 22_759 },
  { name: 'rees46-shop', lateness: '5m', sessions: 4_519, signals: 18_020 },
  { name: 'cdnow', lateness: '5m', sessions: 67_591, signals: 270_864 },
  { name: 'ipinyou-opportunities', lateness: '6h', sessions: 9_016, signals: 35_444 },
];

const ZONES = ['UTC', 'America/Los_Angeles', 'Africa/Nairobi', 'Asia/Kolkata'];
const SINCE = 0;

/**
 * Writes profiles.ndjson and consents.ndjson for the users of an event file: contacts on every channel but for every tenth
 * user, four zones in turn, consent for nine of ten, both dated long before the events.
 */
export async function writeUsers(
  eventFile: string,
  folder: string,
): Promise<{ readonly profiles: string; readonly consents: string }> {
  const users = new Set<string>();
  for await (const { lines } of readNdjson(eventFile, events)) for (const { value } of lines) users.add(value.userId);
  const files = { profiles: join(folder, 'profiles.ndjson'), consents: join(folder, 'consents.ndjson') };
  const profileFile = createWriteStream(files.profiles);
  const consentFile = createWriteStream(files.consents);
  const profileForm = jsonForm(profiles);
  const consentForm = jsonForm(consents);
  [...users].sort().forEach((userId, i) => {
    const contacts =
      i % 10 === 9
        ? {}
        : { sms: `+1000000${i}`, whatsapp: `+1000000${i}`, email: `user${i}@example.com`, push: `device-${i}` };
    const profile = {
      tenantId: 'default',
      userId,
      timezone: ZONES[i % ZONES.length] as string,
      contacts,
      updatedAt: SINCE,
    };
    profileFile.write(`${profileForm.write(profileForm.read(profile))}\n`);
    if (i % 10 === 8) return;
    const consent = { tenantId: 'default', userId, purpose: 'marketing', granted: true, changedAt: SINCE };
    consentFile.write(`${consentForm.write(consentForm.read(consent))}\n`);
  });
  for (const file of [profileFile, consentFile]) {
    file.end();
    await once(file, 'finish');
  }
  return files;
}

/** The lines of an output file as a sorted list: a multiset to compare. */
export async function sortedLines(file: string): Promise<readonly string[]> {
  return (await readFile(file, 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}
