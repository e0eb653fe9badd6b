// A provider that writes each message as a line of an NDJSON file, whole and once, also across crashes.
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { jsonForm } from '../../schemas/json-form.ts';
import { sends } from '../../schemas/topics.ts';
import type { SendCommand } from '../../schemas/types.ts';
import { SinkUnavailable } from '../sink.ts';
import type { Answer, Provider } from './provider.ts';

const NEWLINE = 10;
const TAIL = 1 << 16;

/** A line is that of the topic `sends`, as `simulate` and `topics read` write it. */
const form = jsonForm(sends);

/** The file holds addresses and texts: it is the outbox itself, not a log. It is made readable for its owner alone. */
export function fileProvider(path: string): Provider {
  let file: FileHandle | undefined;
  // Partitions deliver side by side; their appends must not mix.
  let last: Promise<unknown> = Promise.resolve();

  return {
    name: 'file',
    async open() {
      await mkdir(dirname(path), { recursive: true });
      file = await open(path, 'a+', 0o600);
      await dropTornLine(file);
    },
    async find(commands) {
      const wanted = new Set(commands.map((c) => c.idempotencyKey));
      const found = new Map<string, Answer>();
      // Other partitions may be appending: what is there now ends with a whole line, what comes later is not ours.
      await last;
      const { size } = await (file as FileHandle).stat();
      if (size === 0) return found;
      const input = createReadStream(path, { end: size - 1 });
      for await (const line of createInterface({ input })) {
        const { idempotencyKey, sendId } = JSON.parse(line) as Pick<SendCommand, 'idempotencyKey' | 'sendId'>;
        if (wanted.has(idempotencyKey)) found.set(idempotencyKey, { status: 'delivered', providerMessageId: sendId });
      }
      return found;
    },
    async send(commands) {
      if (commands.length === 0) return [];
      const text = commands.map((c) => `${form.write(c)}\n`).join('');
      const write = last.then(() => append(file as FileHandle, text));
      last = write.catch(() => {});
      await write;
      return commands.map(({ sendId }) => ({ status: 'delivered' as const, providerMessageId: sendId }));
    },
    async close() {
      await last;
      await file?.close();
    },
  };
}

async function append(file: FileHandle, text: string): Promise<void> {
  try {
    await file.appendFile(text);
  } catch (cause) {
    await dropTornLine(file);
    throw new SinkUnavailable(`the outbox can't be written: ${(cause as NodeJS.ErrnoException).code}`, { cause });
  }
}

/** A crash may leave the beginning of a line: it was never answered, so it is taken back. */
async function dropTornLine(file: FileHandle): Promise<void> {
  const { size } = await file.stat();
  for (let end = size; end > 0; end -= TAIL) {
    const start = Math.max(0, end - TAIL);
    const tail = Buffer.alloc(end - start);
    await file.read(tail, 0, tail.length, start);
    const newline = tail.lastIndexOf(NEWLINE);
    if (newline < 0 && start > 0) continue;
    const whole = newline < 0 ? 0 : start + newline + 1;
    if (whole < size) await file.truncate(whole);
    return;
  }
}
