// Loaded into an instance by `node --import`: kills it at the step that the query string names (group, step, nth).
import { subscribe } from 'node:diagnostics_channel';
import { STEP_CHANNEL, type StepMessage } from '../../../runtime/steps.ts';

const aim = new URL(import.meta.url).searchParams;
let left = Number(aim.get('nth'));

subscribe(STEP_CHANNEL, (message) => {
  const { task, step } = message as StepMessage;
  const group = task.slice(0, task.lastIndexOf('.'));
  if (group === aim.get('group') && step === aim.get('step') && --left === 0) process.kill(process.pid, 'SIGKILL');
});
