// An instance with a campaign and users, asked over its public API.
import type { LightMyRequestResponse } from 'fastify';
import { campaignOf, profileOf } from '../../processors/testing/world.ts';
import { campaignToJson } from '../../schemas/campaign.ts';
import { Definitions } from '../../schemas/definitions.ts';
import { profiles, type Topic } from '../../schemas/topics.ts';
import { Publisher } from '../publisher.ts';
import { type RunningInstance, startInstance } from './instance.ts';

/** When requests are asked: times of these instances follow the records. */
export const MONDAY = Date.UTC(2026, 2, 2, 9);

export interface Outreach extends RunningInstance {
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<LightMyRequestResponse>;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<LightMyRequestResponse>;
}

/** Users are known by a profile with addresses. The campaign "hello" is sent at once, "later" an hour after it was asked for,
 * "priced" has a budget. */
export async function startOutreach(
  users: readonly string[],
  settings?: Parameters<typeof startInstance>[2],
): Promise<Outreach> {
  const definitions = new Definitions();
  const campaign = { class: 'transactional', dedupe: { window: '1s' } };
  const files = [
    campaignOf({ ...campaign, id: 'hello' }),
    campaignOf({ ...campaign, id: 'priced', channels: ['sms'], budget: { total: 10, pacing: 'asap' } }),
    campaignOf({ ...campaign, id: 'later', schedule: { quietHours: '08:00-10:00' } }),
  ];
  for (const file of files) {
    const definition = { tenantId: 'default', campaignId: file.id, version: 1, effectiveFrom: 0 };
    definitions.apply({ ...definition, definition: campaignToJson(file) });
  }
  const instance = await startInstance(undefined, definitions, settings);
  const known = users.map((userId) => profileOf({ userId, updatedAt: MONDAY - 3_600_000 }));
  await new Publisher(instance.log, instance.serde).publish(profiles as Topic<unknown>, known);
  await instance.settled();
  return {
    ...instance,
    post: (path, payload, headers = {}) =>
      instance.server.inject({ method: 'POST', url: `/api/v1${path}`, payload: payload as object, headers }),
    get: (path, headers = {}) => instance.server.inject({ url: `/api/v1${path}`, headers }),
  };
}
