// The schema registry of a cluster: Confluent's, or any that speaks its API (Apicurio, Redpanda, Karapace).
import { setTimeout as delay } from 'node:timers/promises';
import confluent from '@kafkajs/confluent-schema-registry';
import type { SchemaRegistry } from './registry.ts';

const { COMPATIBILITY, SchemaRegistry: Client, SchemaType } = confluent;

/** Tries of a request that fails with a status of the 500s or without an answer, and the first wait between them. */
const RETRY = { retries: 3, initialRetryTimeInSecs: 0.05, maxRetryTimeInSecs: 1, factor: 0.2, multiplier: 2 } as const;

/**
 * Where another instance registers the same topic at the same moment a registry may answer with a conflict, or with a
 * compatibility that is not set yet. Asked again (after so many ms), it has what the other one has registered; what really does
 * not fit is refused again.
 */
const RACE_WAITS = [50, 200, 500] as const;

/** ms after which a registry that took a request and says nothing is taken to be away. */
const SILENCE = 10_000;

export interface ConfluentRegistryOptions {
  /** The address, the path included (`http://apicurio:8080/apis/ccompat/v7`). */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** ms a request may take, its repetitions included; 10 s when absent. */
  readonly timeout?: number;
}

/** The registry doesn't answer. Try again later. */
export class RegistryUnavailable extends Error {
  override readonly name = 'RegistryUnavailable';
}

/** The registry refuses a schema, or us. Trying again would not help. */
export class RegistryRefused extends Error {
  override readonly name = 'RegistryRefused';
}

/**
 * Subjects are named `<topic>-value` and get the compatibility BACKWARD: readers of the newest schema can read all that was
 * written before. Both methods throw `RegistryUnavailable` and `RegistryRefused`; ids are remembered once they are known.
 */
export function confluentRegistry(options: ConfluentRegistryOptions): SchemaRegistry {
  const { url, username, password, timeout = SILENCE } = options;
  const auth = username === undefined ? {} : { auth: { username, password: password ?? '' } };
  const client = new Client({ host: url, clientId: 'beckon', retry: RETRY, ...auth });
  const schemas = new Map<number, Promise<string>>();

  const lookUp = async (id: number): Promise<string> => {
    const { api } = client as unknown as { readonly api: SchemaApi };
    // The client's own look-up gives a parsed schema, which has lost the text that writers used.
    const { schema } = (await api.Schema.find({ id })).data();
    return schema;
  };

  return {
    async register(topic) {
      const subject = `${topic.topic}-value`;
      try {
        const schema = topic.codec.json;
        const registering = afterRaces(() =>
          client.register({ type: SchemaType.AVRO, schema }, { subject, compatibility: COMPATIBILITY.BACKWARD }),
        );
        const { id } = await within(timeout, registering);
        schemas.set(id, Promise.resolve(topic.codec.json));
        return id;
      } catch (error) {
        throw explained(error, url, `the schema of ${subject} can't be registered`);
      }
    },

    async schema(id) {
      let known = schemas.get(id);
      if (known === undefined) {
        known = within(timeout, lookUp(id));
        schemas.set(id, known);
        // Neither an unknown id nor a failure is remembered: the next look may find it.
        known.catch(() => schemas.delete(id));
      }
      try {
        return await known;
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw explained(error, url, `the schema ${id} can't be looked up`);
      }
    },
  };
}

async function afterRaces<T>(work: () => Promise<T>): Promise<T> {
  for (const wait of RACE_WAITS) {
    try {
      return await work();
    } catch (error) {
      if (statusOf(error) !== 409 && !isOtherCompatibility(error)) throw error;
      await delay(wait);
    }
  }
  return work();
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** The part of the client below its public methods that we use. */
interface SchemaApi {
  readonly Schema: {
    find(options: { readonly id: number }): Promise<{ data(): { readonly schema: string } }>;
  };
}

function statusOf(error: unknown): number | undefined {
  return error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : undefined;
}

function isOtherCompatibility(error: unknown): boolean {
  return error instanceof Error && error.name === 'ConfluentSchemaRegistryCompatibilityError';
}

function explained(error: unknown, url: string, what: string): RegistryUnavailable | RegistryRefused {
  const cause = error instanceof Error ? error : new Error(String(error));
  const status = statusOf(error);
  const { origin } = new URL(url);
  if (isOtherCompatibility(cause)) {
    const mend = 'set the compatibility of the subject to BACKWARD';
    return new RegistryRefused(`${what}: ${cause.message}: ${mend}`, { cause });
  }
  if (status === 409) {
    const mend = 'give new fields a default, and neither rename fields nor change their types';
    return new RegistryRefused(`${what}: it can not read what was written with the one before: ${mend}`, { cause });
  }
  if (status === 401 || status === 403) {
    return new RegistryRefused(`${what}: the registry at ${origin} refuses the user or its rights`, { cause });
  }
  if (status === 404) {
    const mend = 'set SCHEMA_REGISTRY_URL with the path of its Confluent API (Apicurio: /apis/ccompat/v7)';
    return new RegistryRefused(`${what}: there is no registry at ${origin}${new URL(url).pathname}: ${mend}`, {
      cause,
    });
  }
  // The client makes a status 400 of a connection that fails.
  const unanswered = status === 400 && /\bE[A-Z]{4,}\b|socket|network/.test(cause.message);
  const passing = unanswered || status === 408 || status === 429;
  if (status !== undefined && status >= 400 && status < 500 && !passing) {
    return new RegistryRefused(`${what}: the registry at ${origin} says ${status}: ${cause.message}`, { cause });
  }
  return new RegistryUnavailable(`${what}: the registry at ${origin} does not answer`, { cause });
}
