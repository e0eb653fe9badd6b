// Which schema an id in the Confluent wire format stands for.
import type { Topic } from './topics.ts';

export interface SchemaRegistry {
  /** The id of the topic's schema as this version knows it; registers it when it is new. */
  register(topic: Topic<unknown>): Promise<number>;
  /** The schema of an id as JSON text, or undefined when no such id is known. */
  schema(id: number): Promise<string | undefined>;
}
