// Where test servers come from: an address in the environment, else containers where a Docker engine answers, else jars.
import { dockerAnswers } from './docker.ts';
import { missing } from './jars.ts';

export type Source = 'address' | 'docker' | 'jars';

/** Asked once a process: by engine, whether it answers. */
const engines = new Map<string, Promise<boolean>>();

/** Undefined when a server can't be had in any way. `address`: what the environment says. */
export async function sourceOf(
  address: string | undefined,
  docker = process.env.DOCKER_HOST ?? '',
): Promise<Source | undefined> {
  if (address !== undefined && address !== '') return 'address';
  const answers = engines.get(docker) ?? dockerAnswers(docker);
  engines.set(docker, answers);
  if (await answers) return 'docker';
  return missing() === undefined ? 'jars' : undefined;
}

/** What would have to be installed; undefined when a server can be had. */
export async function lacking(address: string | undefined): Promise<string | undefined> {
  return (await sourceOf(address)) === undefined ? `Docker, or ${missing()}` : undefined;
}
