import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { consoleProvider } from './console.ts';
import { sendCommand } from './testing/commands.ts';

test('prints one line a message, without address or text', async () => {
  const stream = new PassThrough();
  const provider = consoleProvider(stream);
  await provider.open();
  const answers = await provider.send([sendCommand(1), sendCommand(2)]);
  await provider.close();
  expect(String(stream.read())).toBe(
    '2026-01-01T00:00:00.000Z email default/user-1 welcome\n2026-01-01T00:00:00.000Z email default/user-2 welcome\n',
  );
  expect(answers).toEqual([
    { status: 'delivered', providerMessageId: 'request-1#0' },
    { status: 'delivered', providerMessageId: 'request-2#0' },
  ]);
});

test('remembers nothing across a crash: lines are printed again', async () => {
  const provider = consoleProvider(new PassThrough());
  await provider.send([sendCommand(1)]);
  expect((await provider.find([sendCommand(1)])).size).toBe(0);
});
