// Loaded into an instance by `node --import`: writes every step it reaches to file descriptor 3, so that its last words are
// known when it is killed, and sends itself a signal at the step that its query string names (group, step, nth, signal),
// unless the file `disarmed` is there by then.
import { subscribe } from 'node:diagnostics_channel';
import { existsSync, writeSync } from 'node:fs';
import { STEP_CHANNEL, type StepMessage } from '../../../runtime/steps.ts';

const aim = new URL(import.meta.url).searchParams;
const [group, wanted, signal] = [aim.get('group'), aim.get('step'), aim.get('signal')];
const disarmed = aim.get('disarmed') ?? '';
let left = Number(aim.get('nth') ?? 0);

subscribe(STEP_CHANNEL, (message) => {
  const { task, step } = message as StepMessage;
  const name = `${task.slice(0, task.lastIndexOf('.'))}:${step}`;
  writeSync(3, `${name}\n`);
  if (name === `${group}:${wanted}` && --left === 0 && !existsSync(disarmed))
    process.kill(process.pid, signal as NodeJS.Signals);
});
