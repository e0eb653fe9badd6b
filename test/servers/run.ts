// `npm run servers`: a broker and a schema registry of one's own, to try Beckon on a cluster without Docker. Both are brought by
// Maven and end with this process; nothing of them is kept.
import { NO_KAFKA, startOwnKafka, whyNoOwnKafka } from './kafka.ts';
import { startRegistry } from './registry.ts';

const lacks = whyNoOwnKafka();
if (lacks !== undefined) {
  process.stderr.write(`can't start a broker: ${lacks} is missing; install it, or start one in Docker (npm run up)\n`);
  process.exit(1);
}
process.stderr.write('starting a broker and a schema registry; the first time their jars are fetched\n');
const [kafka, registry] = await Promise.all([startOwnKafka(), startRegistry()]);
if (kafka === undefined || registry === undefined) throw new Error(NO_KAFKA);
process.stdout.write(`export KAFKA_BROKERS=${kafka.brokers.join(',')} SCHEMA_REGISTRY_URL=${registry.url}\n`);
process.stderr.write('both run until Ctrl-C, and then are gone with what they hold\n');

const end = (): void => {
  void kafka.stop().then(() => process.exit(0));
};
process.once('SIGINT', end).once('SIGTERM', end);
setInterval(() => {}, 1 << 30);
