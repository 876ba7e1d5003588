// Who may know whom. `npm run boundaries` checks it, and so does `npm run verify`.
const pureCores = [
  '^libs/transaction/src/',
  '^libs/protocol/src/',
  '^libs/snapshot/src/',
  '^libs/isolation/src/',
  '^libs/failure-detection/src/',
  '^libs/locks/src/',
  '^libs/audit/src/',
  // Of raft everything but what touches the world: disks, clocks, peers, and the files of the scenarios.
  '^libs/raft/src/(core|quorum|confchange|log)/',
];
const tests = '(\\.test\\.ts$|/test/)';
const adapters = 'http|postgres|kafka|cluster|decision-log|audit';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one thing, or hide a third. Imports of types count.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'libs-know-no-apps',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^apps/' },
    },
    {
      name: 'apps-know-no-apps',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'cores-do-no-io',
      comment: 'A core is a function of what it is given: no file, socket, clock or process.',
      severity: 'error',
      from: { path: pureCores, pathNot: tests },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'cores-know-no-framework',
      comment: 'Of foreign packages a core knows only zod.',
      severity: 'error',
      from: { path: pureCores, pathNot: tests },
      to: { path: 'node_modules/', pathNot: 'node_modules/zod/' },
    },
    {
      name: 'cores-know-cores-only',
      severity: 'error',
      from: { path: pureCores, pathNot: tests },
      to: {
        path: '^libs/',
        pathNot: [
          '^libs/(protocol|transaction|snapshot|isolation|failure-detection|locks|audit)/',
          '^libs/raft/src/(core|quorum|confchange|log)/',
        ],
      },
    },
    {
      name: 'client-runs-anywhere',
      comment: 'Browsers load it: nothing of Node, no package, no library of ours. Its entries for others are apart.',
      severity: 'error',
      from: { path: '^libs/client/src/', pathNot: [tests, '^libs/client/src/(nest|opentelemetry)/'] },
      to: { pathNot: ['^libs/client/src/(?!(nest|opentelemetry)/)'] },
    },
    {
      name: 'console-knows-the-client',
      comment:
        'A browser loads it: of our own it has the client, whose types come from openapi.json, and nothing else.',
      severity: 'error',
      from: { path: '^apps/console/src/', pathNot: tests },
      to: { path: '^(libs|apps)/', pathNot: '^(libs/client|apps/console)/src/' },
    },
    {
      name: 'packages-by-their-name',
      comment: 'Another package is imported by its name, which leads to its index; its files are its own affair.',
      severity: 'error',
      from: { path: '^(libs|apps)/([^/]+)/' },
      to: {
        path: '^libs/[^/]+/src/',
        pathNot: ['^$1/$2/', '^libs/[^/]+/src/((nest|opentelemetry|simulator)/)?index\\.ts$'],
      },
    },
    {
      name: 'no-path-into-another-package',
      severity: 'error',
      from: { path: '^(libs|apps)/([^/]+)/' },
      to: { path: '^libs/', pathNot: '^$1/$2/', dependencyTypes: ['local'] },
    },
    {
      name: 'index-is-for-others',
      comment: 'A file that imports the index of its own library depends on all of it.',
      severity: 'error',
      from: { path: '^libs/([^/]+)/src/' },
      to: { path: '^libs/$1/src/index\\.ts$' },
    },
    {
      name: 'adapters-meet-at-the-root',
      comment: 'Ports are bound to adapters in coordinator.module.ts and nowhere else.',
      severity: 'error',
      from: { path: `^apps/coordinator/src/(${adapters})/`, pathNot: tests },
      to: { path: `^apps/coordinator/src/(${adapters})/`, pathNot: '^apps/coordinator/src/$1/' },
    },
    {
      name: 'engine-knows-no-adapter',
      severity: 'error',
      from: { path: '^apps/coordinator/src/engine/', pathNot: tests },
      to: {
        path: `^apps/coordinator/src/(${adapters})/`,
        pathNot: '^apps/coordinator/src/decision-log/decision-log\\.ts$', // the port, beside its adapters
      },
    },
    {
      name: 'tests-are-not-imported',
      severity: 'error',
      from: { pathNot: tests },
      to: { path: '\\.test\\.(ts|mjs)$' },
    },
    {
      name: 'everything-resolves',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/dist/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@concordat/source', 'types', 'import', 'node', 'default'],
      mainFields: ['types', 'module', 'main'],
    },
  },
};
