// Errors of the protocol by their codes. kafkajs' list ends in 2020.
import { createErrorFromCode } from 'kafkajs/src/protocol/error.js';

/** https://kafka.apache.org/protocol#protocol_error_codes */
const NEWER: ReadonlyMap<number, readonly [type: string, message: string]> = new Map([
  [90, ['PRODUCER_FENCED', 'There is a newer producer with the same transactional id']],
  [120, ['TRANSACTION_ABORTABLE', 'The broker can not go on with the transaction: it must be aborted']],
]);

class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly type: string;
  readonly code: number;

  constructor(code: number, type: string, message: string) {
    super(message);
    this.type = type;
    this.code = code;
  }
}

/** An error whose `type` is the protocol's name of it; undefined for code 0. */
export function protocolError(code: number): Error | undefined {
  if (code === 0) return undefined;
  const newer = NEWER.get(code);
  return newer === undefined ? createErrorFromCode(code) : new ProtocolError(code, ...newer);
}
