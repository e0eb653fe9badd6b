// A schema registry whose failures are told.
import type { SchemaRegistry } from '../schemas/registry.ts';
import type { Observer, RegistryFailure } from './observer.ts';

/** By the names of the registry's errors. */
const KINDS: Readonly<Record<string, RegistryFailure>> = {
  RegistryUnavailable: 'unavailable',
  RegistryRefused: 'refused',
};

/** The registry, with everything that it throws and every id that it doesn't know told to the observer. */
export function observedRegistry(registry: SchemaRegistry, observer: Observer): SchemaRegistry {
  const told = async <T>(asked: Promise<T>): Promise<T> => {
    try {
      return await asked;
    } catch (error) {
      observer.registryFailed((error instanceof Error ? KINDS[error.name] : undefined) ?? 'other');
      throw error;
    }
  };
  return {
    register: (topic) => told(registry.register(topic)),
    async schema(id) {
      const schema = await told(registry.schema(id));
      if (schema === undefined) observer.registryFailed('unknown-id');
      return schema;
    },
  };
}
