// A real schema registry for tests: the one that SCHEMA_REGISTRY_URL names, or Apicurio's, in memory, with Confluent's API.
import { join } from 'node:path';
import { haveJava, registryApplication } from './jars.ts';
import { freePorts, Jvm } from './jvm.ts';
import { shared } from './shared.ts';

const HEAP = '-Xmx512m';

export interface RegistryServer {
  /** The address of Confluent's API, as a client takes it. */
  readonly url: string;
}

/** Why there is no registry, in one line. */
export const NO_REGISTRY =
  'left out: the tests on a schema registry (set SCHEMA_REGISTRY_URL, or install Java 17 and Maven)';

/** The registry that the test files of a run share; undefined where none can be had. Use subjects of your own on it. */
export async function startRegistry(): Promise<RegistryServer | undefined> {
  const given = process.env.SCHEMA_REGISTRY_URL;
  if (given !== undefined && given !== '') return { url: given };
  if (!haveJava()) {
    process.stderr.write(`${NO_REGISTRY}\n`);
    return undefined;
  }
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
