// Send commands for tests of delivery.
import type { SendCommand } from '../../../schemas/types.ts';

/** An email, due at the beginning of 2026, that expires a day later. */
export function sendCommand(n: number, rest: Partial<SendCommand> = {}): SendCommand {
  const ids = { sendId: `request-${n}#0`, requestId: `request-${n}`, hop: 0, idempotencyKey: `key-${n}` };
  const who = { tenantId: 'default', userId: `user-${n}`, campaignId: 'welcome' };
  const message = { channel: 'email', address: 'somebody@example.org', content: { text: 'Hello.' }, costMicros: 100 };
  const times = { dueAt: Date.UTC(2026, 0, 1), expiresAt: Date.UTC(2026, 0, 2) };
  return { ...ids, ...who, ...message, ...times, variant: null, ...rest };
}
