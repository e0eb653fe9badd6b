// Makes a stream that lives within a topology observable: a processor that hands its values on.
import { on, type Processor } from '../../processors/processor.ts';
import type { Stream } from '../../schemas/topics.ts';

/** To be put last in a topology; it keeps and emits nothing. */
export function collect<T>(stream: Stream<T>, listener: (value: T) => void): Processor {
  return { name: `collect-${stream.name}`, on: [on(stream, listener)], emits: [] };
}
