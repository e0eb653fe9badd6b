// docker-compose.yml: the parts of the compose specification that it uses, and what must hold in it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { BadConfig, readConfig } from '../../../runtime/config.ts';

const duration = z.string().regex(/^(\d+m)?(\d+s)?$/);
const text = z.string().min(1);
const lines = z.array(text).min(1);

const service = z
  .strictObject({
    image: text.optional(),
    build: z.literal('.').optional(),
    platform: z.literal('linux/amd64').optional(),
    profiles: lines.optional(),
    init: z.boolean().optional(),
    read_only: z.boolean().optional(),
    tmpfs: lines.optional(),
    cap_drop: lines.optional(),
    security_opt: lines.optional(),
    restart: z.enum(['no', 'unless-stopped']),
    command: lines.optional(),
    // A number or `true` is refused by some versions of compose, and `no` means false in YAML 1.1: texts alone.
    environment: z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), text).optional(),
    env_file: lines.optional(),
    volumes: lines.optional(),
    ports: lines.optional(),
    ulimits: z.record(text, z.strictObject({ soft: z.int(), hard: z.int() })).optional(),
    stop_grace_period: duration.optional(),
    depends_on: z
      .record(text, z.strictObject({ condition: z.enum(['service_healthy', 'service_completed_successfully']) }))
      .optional(),
    healthcheck: z
      .union([
        z.strictObject({ disable: z.literal(true) }),
        z.strictObject({
          test: z.tuple([z.enum(['CMD', 'CMD-SHELL'])], text),
          interval: duration,
          timeout: duration,
          retries: z.int().positive(),
          start_period: duration,
          start_interval: duration.optional(),
        }),
      ])
      .optional(),
    deploy: z.strictObject({
      replicas: z.int().positive().optional(),
      resources: z.strictObject({ limits: z.strictObject({ memory: z.string().regex(/^\d+[MG]$/) }) }),
    }),
  })
  .refine((it) => (it.image === undefined) !== (it.build === undefined), 'has an image or is built, one of them');

const model = z.strictObject({
  name: text,
  services: z.record(text, service),
  volumes: z.record(text, z.null()),
});

export type Compose = z.output<typeof model>;
type Service = z.output<typeof service>;

/** Throws where the file uses something that the model doesn't know, or not as the specification has it. */
export function readCompose(yaml: string): Compose {
  const raw = parse(yaml, { merge: true, strict: true }) as Record<string, unknown>;
  return model.parse(Object.fromEntries(Object.entries(raw).filter(([key]) => !key.startsWith('x-'))));
}

export interface Around {
  readonly root: string;
  /** The files that deploy/secrets.mjs makes, from the root, and the variables in them. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Of runtime/config.ts. */
  readonly variables: ReadonlySet<string>;
}

/** What is wrong, a sentence each. */
export function problemsOf(compose: Compose, around: Around): readonly string[] {
  const services = Object.entries(compose.services);
  const found = services.flatMap(([name, it]) =>
    [
      ...network(it),
      ...storage(it, compose, around),
      ...health(it),
      ...order(it, compose),
      ...settings(it, around),
    ].map((problem) => `${name}: ${problem}`),
  );
  const used = services.flatMap(([, it]) => (it.volumes ?? []).map((volume) => volume.split(':')[0]));
  const idle = Object.keys(compose.volumes).filter((name) => !used.includes(name));
  return [...found, ...idle.map((name) => `volume ${name}: nobody uses it`), ...onceOnly(compose), ...clashes(compose)];
}

function network(it: Service): readonly string[] {
  const open = (it.ports ?? []).filter((port) => !/^127\.0\.0\.1:\d*:\d+$/.test(port));
  const pinned = it.image === undefined || /^[a-z0-9./-]+:v?\d+\.\d+(\.\d+)+(-alpine)?$/.test(it.image);
  return [
    ...open.map((port) => `port ${port} is not on the loopback address`),
    ...(pinned ? [] : [`image ${it.image} is not pinned by a version`]),
  ];
}

function storage(it: Service, { volumes }: Compose, { root, secrets }: Around): readonly string[] {
  const problems: string[] = [];
  for (const volume of it.volumes ?? []) {
    const [source = '', target, mode] = volume.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1').split(':');
    if (target === undefined) continue;
    if (!source.startsWith('.')) {
      if (!(source in volumes)) problems.push(`volume ${source} is not declared`);
    } else {
      if (!existsSync(join(root, source))) problems.push(`there is no ${source} to mount`);
      if (mode !== 'ro') problems.push(`${source} is mounted to be written to`);
    }
  }
  for (const file of it.env_file ?? []) if (!(file in secrets)) problems.push(`nothing makes ${file}`);
  return problems;
}

function health({ restart, healthcheck }: Service): readonly string[] {
  const checked = healthcheck !== undefined && 'test' in healthcheck;
  if (restart === 'no') return checked ? ['runs once and has a health check'] : [];
  return checked ? [] : ['has no health check'];
}

function order({ depends_on = {} }: Service, { services }: Compose): readonly string[] {
  return Object.entries(depends_on).flatMap(([name, { condition }]) => {
    const other = services[name];
    if (other === undefined) return [`depends on ${name}, which is not there`];
    const once = other.restart === 'no';
    if (other.profiles !== undefined) return [`depends on ${name}, which only a profile starts`];
    return once === (condition === 'service_completed_successfully') ? [] : [`${name} will never be "${condition}"`];
  });
}

/** `up --wait` takes the end of a one-shot service for a failure, unless a service that stays depends on it. */
function onceOnly({ services }: Compose): readonly string[] {
  const stay = Object.values(services).filter(({ restart }) => restart !== 'no');
  return Object.entries(services)
    .filter(([name, { restart }]) => restart === 'no' && !stay.some(({ depends_on = {} }) => name in depends_on))
    .map(([name]) => `${name}: runs once, and no service that stays depends on it`);
}

function clashes({ services }: Compose): readonly string[] {
  const ports = Object.values(services).flatMap((it) => (it.ports ?? []).map((port) => port.split(':')[1] ?? ''));
  const scaled = Object.entries(services).filter(([, { deploy }]) => deploy.replicas !== undefined);
  return [
    ...ports
      .filter((port, at) => port !== '' && ports.indexOf(port) !== at)
      .map((port) => `port ${port} is given twice`),
    ...scaled
      .filter(([, { ports: own = [] }]) => own.some((port) => port.split(':')[1] !== ''))
      .map(([name]) => `${name}: a second instance would want the same port`),
    ...scaled
      .filter(([, { volumes = [] }]) => volumes.some((volume) => /^[^./][^:]*:/.test(volume)))
      .map(([name]) => `${name}: a second instance would share its volume`),
  ];
}

/** Of the services that run Beckon. */
function settings(it: Service, { secrets, variables }: Around): readonly string[] {
  if (it.build === undefined) return [];
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(it.environment ?? {}))
    environment[name] = value.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1');
  for (const file of it.env_file ?? []) {
    const variable = secrets[file] ?? '';
    environment[variable] = variable === 'BECKON_API_KEYS' ? 'compose:admin:sixteen-characters' : 'secret';
  }
  const unknown = Object.keys(environment).filter((name) => !variables.has(name));
  if (unknown.length > 0) return unknown.map((name) => `runtime/config.ts knows no ${name}`);
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    if (error instanceof BadConfig) return [error.message];
    throw error;
  }
}
