// The contract of a delivery provider: one file each, behind one sink.
import type { Receipt, SendCommand } from '../../schemas/types.ts';

/** What a provider said of a send. */
export interface Answer {
  readonly status: Extract<Receipt['status'], 'accepted' | 'sent' | 'delivered' | 'failed' | 'unknown'>;
  readonly providerMessageId?: string;
  /** What it really cost, in micro-units, where the provider says so. */
  readonly costMicros?: number;
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
  /**
   * Hands messages over, those of a user in order. Throws `SinkUnavailable` when they should be tried again: then `find` is asked
   * first. `signal` aborts when the worker shuts down.
   */
  send(commands: readonly SendCommand[], signal?: AbortSignal): Promise<readonly Answer[]>;
  close(): Promise<void>;
}
