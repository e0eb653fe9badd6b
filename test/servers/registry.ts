// A real schema registry for tests: the one that BECKON_TEST_SCHEMA_REGISTRY names, or Apicurio's, in memory, with Confluent's API.
import { join } from 'node:path';
import { missing, registryApplication } from './jars.ts';
import { freePorts, Jvm } from './jvm.ts';
import { shared } from './shared.ts';

const HEAP = '-Xmx512m';

export interface RegistryServer {
  /** The address of Confluent's API, as a client takes it. */
  readonly url: string;
}

/** What is left out where there is no registry. */
export const NO_REGISTRY =
  'left out: the tests on a schema registry (set BECKON_TEST_SCHEMA_REGISTRY, or install Java 17 and Maven)';

/** Undefined when a registry can be had; else what is missing. */
export function whyNoRegistry(): string | undefined {
  return given() === undefined ? missing() : undefined;
}

/** The registry that the test files of a run share; undefined where none can be had. Use subjects of your own on it. */
export async function startRegistry(): Promise<RegistryServer | undefined> {
  const url = given();
  if (url !== undefined) return { url };
  if (missing() !== undefined) return undefined;
  return shared('registry', async (folder, owner) => {
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

function given(): string | undefined {
  const url = process.env.BECKON_TEST_SCHEMA_REGISTRY;
  return url === '' ? undefined : url;
}
