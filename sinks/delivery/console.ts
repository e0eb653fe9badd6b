// A provider for trying things out: one line a message on a stream, without address or text.
import type { Writable } from 'node:stream';
import type { Provider } from './provider.ts';

export function consoleProvider(stream: Writable): Provider {
  return {
    name: 'console',
    open: async () => {},
    close: async () => {},
    // A line that a crash cut off is printed again: nobody gets it twice but the terminal.
    find: async () => new Map(),
    async send(commands) {
      for (const { channel, tenantId, userId, campaignId, dueAt } of commands) {
        stream.write(`${new Date(dueAt).toISOString()} ${channel} ${tenantId}/${userId} ${campaignId}\n`);
      }
      return commands.map(({ sendId }) => ({ status: 'delivered' as const, providerMessageId: sendId }));
    },
  };
}
