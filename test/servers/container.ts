// Keeps a container until its owner is gone, so that none outlives the tests that asked for it, however they ended: where this
// process is killed, Testcontainers' own reaper removes it.
//   container.ts KIND OWNER_PID PID_FILE PORT ENVIRONMENT
import { writeFileSync } from 'node:fs';
import { GenericContainer, Wait } from 'testcontainers';
import type { Container } from './docker.ts';
import { isAlive } from './jvm.ts';

const IMAGES = { kafka: 'apache/kafka:4.3.1', registry: 'apicurio/apicurio-registry:3.0.9' } as const;
const READY = { kafka: /Kafka Server started/, registry: /Listening on/ } as const;
const STARTS_WITHIN = 120_000;
const LOOK_MS = 500;

const [kind, owner, pidFile, port, environment] = process.argv.slice(2) as [Container, string, string, string, string];
writeFileSync(pidFile, String(process.pid));
const container = await new GenericContainer(IMAGES[kind])
  .withExposedPorts({ container: Number(port), host: Number(port) })
  .withEnvironment(JSON.parse(environment) as Record<string, string>)
  .withWaitStrategy(Wait.forLogMessage(READY[kind]).withStartupTimeout(STARTS_WITHIN))
  .start();
process.stdout.write('ready\n');
const watch = setInterval(() => {
  if (isAlive(Number(owner))) return;
  clearInterval(watch);
  void container.stop();
}, LOOK_MS);
