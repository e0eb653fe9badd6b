// Where things lie in the embedded log's database. The first byte of a key tells what it is; numbers are big endian, so
// that key order is their order.
//
//   0                                      the version of this layout
//   1 topic name                           the topic: JSON {id, partitions, cleanup}
//   2 group name                           the group: its id (2 bytes)
//   3 group id, topic id, partition        a committed offset (6 bytes)
//   4 topic id, partition, last offset     a chunk of records (see chunk.ts)
//   5 group id, partition, key             the state of a task
//   6 name                                 a value of `meta`

/** Raise it with every change of the layout or of the chunks' encoding. */
export const LAYOUT_VERSION = 1;

export const VERSION_KEY = Buffer.from([0]);
export const TOPICS = Buffer.from([1]);
export const GROUPS = Buffer.from([2]);
const OFFSETS = 3;
const CHUNKS = 4;
const STATE = 5;
export const META = Buffer.from([6]);

/** Ids and partition numbers have 2 bytes. */
export const MAX_ID = 0xffff;
const OFFSET_BYTES = 6;
const MAX_OFFSET = 2 ** (8 * OFFSET_BYTES) - 1;

/** The end of the range of keys that begin with the one-byte prefix. */
export function endOf(prefix: Buffer): Buffer {
  return Buffer.from([(prefix[0] as number) + 1]);
}

export function topicKey(topic: string): Buffer {
  return Buffer.concat([TOPICS, Buffer.from(topic)]);
}

export function groupKey(group: string): Buffer {
  return Buffer.concat([GROUPS, Buffer.from(group)]);
}

export function encodeId(id: number): Buffer {
  const bytes = Buffer.allocUnsafe(2);
  bytes.writeUInt16BE(id);
  return bytes;
}

export function committedKey(groupId: number, topicId: number, partition: number): Buffer {
  const key = Buffer.allocUnsafe(7);
  key[0] = OFFSETS;
  key.writeUInt16BE(groupId, 1);
  key.writeUInt16BE(topicId, 3);
  key.writeUInt16BE(partition, 5);
  return key;
}

export function encodeOffset(offset: number): Buffer {
  const bytes = Buffer.allocUnsafe(OFFSET_BYTES);
  bytes.writeUIntBE(offset, 0, OFFSET_BYTES);
  return bytes;
}

export function decodeOffset(bytes: Buffer): number {
  return bytes.readUIntBE(0, OFFSET_BYTES);
}

/** The first chunk at or after this key is the one that holds `offset`, for a chunk is named by its last offset. */
export function chunkKey(topicId: number, partition: number, offset: number): Buffer {
  const key = Buffer.allocUnsafe(5 + OFFSET_BYTES);
  key[0] = CHUNKS;
  key.writeUInt16BE(topicId, 1);
  key.writeUInt16BE(partition, 3);
  key.writeUIntBE(offset, 5, OFFSET_BYTES);
  return key;
}

/** The end of the range of a partition's chunks. */
export function chunksEnd(topicId: number, partition: number): Buffer {
  return chunkKey(topicId, partition, MAX_OFFSET);
}

export function statePrefix(groupId: number, partition: number): Buffer {
  const prefix = Buffer.allocUnsafe(5);
  prefix[0] = STATE;
  prefix.writeUInt16BE(groupId, 1);
  prefix.writeUInt16BE(partition, 3);
  return prefix;
}
