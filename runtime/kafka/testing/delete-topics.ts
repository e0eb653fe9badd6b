// A clean cluster for a test that runs the real topologies: their topics have one name for every installation.
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaClient } from '../client.ts';

const LOOK_MS = 50;

/** Deletes the topics whose names begin so, and resolves once they are gone. */
export async function deleteTopics(brokers: readonly string[], prefix: string): Promise<void> {
  const admin = new KafkaClient({ brokers, clientId: 'clean' }).admin();
  await admin.connect();
  try {
    const ours = async (): Promise<string[]> => (await admin.listTopics()).filter((name) => name.startsWith(prefix));
    const topics = await ours();
    if (topics.length > 0) await admin.deleteTopics({ topics });
    while ((await ours()).length > 0) await delay(LOOK_MS);
  } finally {
    await admin.disconnect();
  }
}
