// Who may import whom. Every rule's name says what it forbids; its comment says how to mend a violation.
const own = ['schemas', 'state', 'processors', 'topologies', 'sinks', 'runtime', 'api', 'cli', 'test', 'bench'];
const tests = '[.]test[.]ts$|/testing/';

/** `folder` may import only what matches `allowed` (regular expressions) among our own folders. */
const only = (folder, allowed, comment) => ({
  name: `${folder}-imports-only-what-it-may`,
  comment,
  severity: 'error',
  from: { path: `^${folder}/`, pathNot: tests },
  to: {
    path: `^(${own.join('|')})/`,
    pathNot: [`^${folder}/`, ...allowed],
  },
});

/** A vendor package has one home folder. */
const home = (vendor, folder) => ({
  name: `${vendor.replace(/\W+/g, '-')}-lives-in-${folder.replace(/\W+/g, '-')}`,
  comment: `Only ${folder}/ knows ${vendor}: go through its contract instead.`,
  severity: 'error',
  from: { pathNot: `^${folder}/` },
  to: { path: `(^|/)node_modules/${vendor}/` },
});

module.exports = {
  forbidden: [
    only('schemas', [], 'schemas/ is the bottom layer: it imports nothing of ours.'),
    only('state', ['^schemas/'], 'state/ may import schemas/ alone.'),
    only(
      'processors',
      ['^schemas/', '^state/store[.]ts$'],
      'A processor sees schemas, the state contract and processor.ts.',
    ),
    only(
      'topologies',
      ['^processors/', '^sinks/sink[.]ts$', '^schemas/'],
      'A topology joins processors; it never sees the runtime.',
    ),
    only('sinks', ['^schemas/'], 'A sink sees schemas and sink.ts; the runtime hands it the rest through its port.'),
    only(
      'runtime',
      ['^state/', '^schemas/', '^processors/processor[.]ts$', '^topologies/graph[.]ts$', '^sinks/sink[.]ts$'],
      'The runtime knows contracts only: a concrete processor, topology or sink is joined to it in api/ or cli/.',
    ),
    {
      name: 'no-processor-imports-another',
      comment: 'Processors meet through streams and shared state cells (schemas/), never by import.',
      severity: 'error',
      from: { path: '^processors/([^/]+)([.]ts$|/)', pathNot: tests },
      to: { path: '^processors/', pathNot: ['^processors/processor[.]ts$', '^processors/$1/', '^processors/$1[.]ts$'] },
    },
    {
      name: 'processors-are-pure',
      comment: 'A processor does no I/O: no Node module but node:crypto (hashes are pure).',
      severity: 'error',
      from: { path: '^processors/', pathNot: tests },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    },
    {
      name: 'kafka-protocol-is-bytes',
      comment:
        'runtime/kafka/protocol/ turns requests and answers into bytes and back: who sends them, and when, is above it.',
      severity: 'error',
      from: { path: '^runtime/kafka/protocol/', pathNot: tests },
      to: { path: '^runtime/', pathNot: ['^runtime/kafka/protocol/', '^runtime/log[.]ts$'] },
    },
    {
      name: 'no-cycles',
      comment: 'Break the cycle: move what both need to the lower of the two.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    home('kafkajs', 'runtime/kafka'),
    home('@node-rs/crc32', 'runtime/kafka'),
    home('@nxtedition/rocksdb', 'state/rocksdb'),
    home('avsc', 'schemas'),
    home('liquidjs', 'schemas/template'),
    home('@kafkajs/confluent-schema-registry', 'schemas'),
    home('@clickhouse/client', 'sinks/clickhouse'),
    home('chdb', 'sinks/clickhouse'),
    home('twilio', 'sinks/delivery'),
    home('fastify', 'api'),
    home('prom-client', 'runtime'),
    home('commander', 'cli'),
    {
      name: 'shipped-code-uses-no-dev-dependency',
      comment: 'Move the package to dependencies, or the import to a test.',
      severity: 'error',
      from: { path: `^(${own.slice(0, 8).join('|')})/`, pathNot: tests },
      to: { dependencyTypes: ['npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    includeOnly: { path: `^(${own.join('|')}|node_modules)/|/node_modules/|^(node:)?[a-z_/]+$` },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
