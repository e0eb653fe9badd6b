// The contract of a delivery provider: one file each, behind one sink.
import type { Receipt, SendCommand } from '../../schemas/types.ts';

/** What a provider said of a send. */
export interface Answer {
  readonly status: Extract<Receipt['status'], 'accepted' | 'sent' | 'delivered' | 'failed' | 'unknown'>;
  readonly providerMessageId?: string;
  /** Why it failed; no personal data. */
  readonly error?: string;
}

export interface Provider {
  readonly name: string;
  open(): Promise<void>;
  /**
   * What became of sends whose answers were lost in a crash, by idempotency key. Those it leaves out were never taken and are
   * sent again; a provider that can't tell answers `unknown`, so that nobody gets a message twice.
   */
  find(commands: readonly SendCommand[]): Promise<ReadonlyMap<string, Answer>>;
  /** Hands messages over, in order. Throws `SinkUnavailable` when they should be tried again. */
  send(commands: readonly SendCommand[]): Promise<readonly Answer[]>;
  close(): Promise<void>;
}
