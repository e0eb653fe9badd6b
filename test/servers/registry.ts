// A real schema registry for tests: the one that BECKON_TEST_SCHEMA_REGISTRY names, or Apicurio's, in memory, with Confluent's
// API, in a container or from jars.
import { join } from 'node:path';
import { dockerHostname, startContainer } from './docker.ts';
import { registryApplication } from './jars.ts';
import { freePorts, Jvm } from './jvm.ts';
import { shared } from './shared.ts';
import { lacking, sourceOf } from './source.ts';

const HEAP = '-Xmx512m';

export interface RegistryServer {
  /** The address of Confluent's API, as a client takes it. */
  readonly url: string;
}

/** What is left out where there is no registry. */
export const NO_REGISTRY =
  'left out: the tests on a schema registry (set BECKON_TEST_SCHEMA_REGISTRY, run Docker, or install Java 17 and Maven)';

/** Undefined when a registry can be had; else what is missing. */
export function whyNoRegistry(): Promise<string | undefined> {
  return lacking(process.env.BECKON_TEST_SCHEMA_REGISTRY);
}

/** The registry that the test files of a run share; undefined where none can be had. Use subjects of your own on it. */
export async function startRegistry(): Promise<RegistryServer | undefined> {
  const address = process.env.BECKON_TEST_SCHEMA_REGISTRY;
  const source = await sourceOf(address);
  if (source === 'address') return { url: address as string };
  if (source === undefined) return undefined;
  return shared('registry', async (folder, owner) => {
    if (source === 'docker') return contained(folder, owner);
    const application = await registryApplication();
    const [port] = await freePorts(1);
    const url = `http://127.0.0.1:${port}/apis/ccompat/v7`;
    const jar = join(application, 'apicurio-registry-app-3.0.9-runner.jar');
    const settings = ['-Dquarkus.http.host=127.0.0.1', `-Dquarkus.http.port=${port}`];
    const jvm = new Jvm({
      name: 'registry',
      folder,
      owner,
      cwd: application,
      args: [HEAP, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', ...settings, '-jar', jar],
      ready: () =>
        fetch(`${url}/subjects`).then(
          (response) => response.ok,
          () => false,
        ),
    });
    await jvm.start();
    return { url };
  });
}

async function contained(folder: string, owner: number): Promise<RegistryServer> {
  const [port] = (await freePorts(1)) as [number];
  await startContainer('registry', { folder, owner, port, environment: { QUARKUS_HTTP_PORT: String(port) } });
  return { url: `http://${dockerHostname()}:${port}/apis/ccompat/v7` };
}
