// A schema registry for the embedded log: an id is the beginning of the schema's fingerprint, kept beside the records.
import type { SchemaRegistry } from '../../schemas/registry.ts';
import type { Store } from '../../state/store.ts';

export function embeddedRegistry(meta: Store): SchemaRegistry {
  const keyOf = (id: number): Buffer => Buffer.from(`schema/${id}`);
  return {
    async register({ codec }) {
      const id = codec.fingerprint.readUInt32BE(0);
      const known = meta.get(keyOf(id));
      if (known === undefined) await meta.write([{ key: keyOf(id), value: Buffer.from(codec.json) }]);
      return id;
    },
    async schema(id) {
      return meta.get(keyOf(id))?.toString('utf8');
    },
  };
}
