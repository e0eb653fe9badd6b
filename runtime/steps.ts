// Where a task or sink stands, for whoever wants to watch from outside: the fault suite kills the process at each of these
// points. Published on the diagnostics channel `beckon:step`, and only while somebody listens; nothing of ours does.
import { channel } from 'node:diagnostics_channel';

/** In the order in which a task and a sink's batch go through them. */
export const TASK_STEPS = [
  'fetched',
  'processed',
  'changes-taken',
  'log-write-begun',
  'log-write-done',
  'committed',
] as const;
export const SINK_STEPS = [
  'batch-chosen',
  'boundary-noted',
  'write-begun',
  /** The sink has put a note of its own (a delivery intent). */
  'sink-noted',
  'write-done',
  'offset-commit-begun',
  'offset-commit-done',
] as const;

/** Within a task's write to the log and a sink's commit of its offset, where the log is a Kafka cluster. */
export const TRANSACTION_STEPS = [
  'transaction-begun',
  'records-sent',
  'offsets-sent',
  'transaction-ended',
  'store-written',
] as const;
/** Of any task on a Kafka cluster, from its assignment on. */
export const OPEN_STEPS = ['open-begun', 'fenced', 'positions-known', 'piece-restored', 'restored'] as const;

export type Step =
  | (typeof TASK_STEPS)[number]
  | (typeof SINK_STEPS)[number]
  | (typeof TRANSACTION_STEPS)[number]
  | (typeof OPEN_STEPS)[number];

export interface StepMessage {
  /** `<group>.<partition>` */
  readonly task: string;
  readonly step: Step;
}

export const STEP_CHANNEL = 'beckon:step';

const steps = channel(STEP_CHANNEL);

/** Says that the task is at the step. */
export function reach(task: string, step: Step): void {
  if (steps.hasSubscribers) steps.publish({ task, step } satisfies StepMessage);
}
