// Runs a plain loop of kafkajs in this process and prints what it took as one line of JSON:
//   plain.ts consume|copy BROKERS TOPIC PARTITIONS COUNT
import { plainLoop } from '../../runtime/kafka/testing/plain-loop.ts';

export type PlainMode = 'consume' | 'copy';

const WITHIN = 1_200_000;

if (import.meta.main) {
  const [mode, brokers, topic, partitions, count] = process.argv.slice(2) as [
    PlainMode,
    string,
    string,
    string,
    string,
  ];
  const late = setTimeout(() => {
    process.stderr.write(`bench: plain kafkajs (${mode}) was not done within ${WITHIN} ms\n`);
    process.exit(1);
  }, WITHIN);
  // What reads this is gone: so should this be.
  process.stdout.on('error', () => process.exit(1));
  let begun = 0;
  let before = process.cpuUsage();
  await plainLoop({
    brokers: brokers.split(','),
    topic,
    count: Number(count),
    partitions: Number(partitions),
    copy: mode === 'copy',
    onFirst: () => {
      begun = performance.now();
      before = process.cpuUsage();
    },
    onLast: () => {
      const ms = performance.now() - begun;
      const { user, system } = process.cpuUsage(before);
      const peakMb = process.resourceUsage().maxRSS / 1024;
      process.stdout.write(`${JSON.stringify({ ms, cpuMs: (user + system) / 1000, peakMb })}\n`);
    },
  });
  clearTimeout(late);
}
