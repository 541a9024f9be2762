// Who may import whom. Specs may reach anything; programs and libraries may not.

/** Platform libraries: one job each, no domain knowledge. A line may use the lines above it. */
const PLATFORM = [
  'config',
  'database',
  'crypto',
  'observability',
  'events',
  'queue',
  'rate-limit',
  'instances',
  'egress',
  'mail',
];

/** Ports and clients of the outside world. */
const PORTS = ['containers', 'gateway-client', 'demo-model', 'storage', 'embeddings'];

/** Domains from the lowest up: each may use those before it, never one after it. */
const DOMAINS = [
  'audit',
  'secrets',
  'mcp',
  'identity',
  'swarms',
  'agents',
  'skills',
  'usage',
  'conversations',
  'heartbeats',
  'templates',
  'orchestration',
  'tasks',
  'knowledge',
  'monitoring',
  'backup',
];

const SPEC = '(spec\\.ts$|fixture\\.ts$|/testing/|/conformance/|/contract/)';
const barrelOf = (names) => `^libs/(${names.join('|')})/`;
const group = (names) => names.join('|');

const downwards = DOMAINS.map((name, index) => ({
  name: `domain-${name}-downwards`,
  severity: 'error',
  comment: `${name} may use only the domains below it`,
  from: { path: `^libs/${name}/`, pathNot: SPEC },
  to: { path: barrelOf([...DOMAINS.slice(index + 1), 'none']) },
}));

module.exports = {
  forbidden: [
    ...downwards,
    {
      name: 'no-cycles',
      severity: 'error',
      from: { pathNot: SPEC },
      to: { circular: true, viaOnly: { pathNot: SPEC, dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'kernel-imports-nothing',
      severity: 'error',
      from: { path: '^libs/kernel/', pathNot: SPEC },
      to: { pathNot: '^libs/kernel/', dependencyTypesNot: ['core'] },
    },
    {
      name: 'platform-knows-no-domain',
      severity: 'error',
      from: { path: `^libs/(${group(PLATFORM)})/`, pathNot: SPEC },
      to: { path: `^(apps/|libs/(${group([...PORTS, ...DOMAINS])})/)` },
    },
    {
      name: 'ports-know-no-domain',
      severity: 'error',
      from: { path: `^libs/(${group(PORTS)})/`, pathNot: SPEC },
      to: { path: `^(apps/|libs/(${group(DOMAINS)})/)` },
    },
    {
      name: 'libraries-import-no-program',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^apps/' },
    },
    {
      name: 'only-through-the-barrel',
      severity: 'error',
      comment: 'Another library is its src/index.ts',
      from: { path: '^libs/([^/]+)/', pathNot: SPEC },
      to: { path: '^libs/([^/]+)/src/', pathNot: ['^libs/$1/', '^libs/[^/]+/src/index\\.ts$'] },
    },
    {
      name: 'specs-share-fixtures-only',
      severity: 'error',
      comment: 'To a spec, another library is its src/index.ts, and what it has for specs',
      from: { path: `^libs/([^/]+)/.*${SPEC}` },
      to: {
        path: '^libs/([^/]+)/src/',
        pathNot: ['^libs/$1/', '^libs/[^/]+/src/index\\.ts$', '^libs/[^/]+/src/(testing|conformance)/'],
      },
    },
    {
      name: 'programs-use-barrels',
      severity: 'error',
      from: { path: '^(apps|test)/', pathNot: SPEC },
      to: { path: '^libs/[^/]+/src/', pathNot: '^libs/[^/]+/src/index\\.ts$' },
    },
    {
      name: 'specs-of-programs-share-fixtures-only',
      severity: 'error',
      from: { path: `^(apps|test)/.*${SPEC}` },
      to: { path: '^libs/[^/]+/src/', pathNot: ['^libs/[^/]+/src/index\\.ts$', '^libs/[^/]+/src/testing/'] },
    },
    {
      name: 'entities-stay-inside',
      severity: 'error',
      comment: "A domain's entities are nobody else's",
      from: { path: '^libs/([^/]+)/' },
      to: { path: '^libs/[^/]+/src/.*entities/', pathNot: '^libs/$1/' },
    },
    {
      name: 'a-surface-is-no-other-surface',
      severity: 'error',
      from: { path: '^apps/api/src/surfaces/([^/]+)/', pathNot: '^apps/api/src/surfaces/api-v1-agents/' },
      to: { path: '^apps/api/src/surfaces/([^/]+)/', pathNot: '^apps/api/src/surfaces/$1/' },
    },
    {
      name: 'surfaces-use-domains-kernel-and-http',
      severity: 'error',
      from: { path: '^apps/api/src/surfaces/', pathNot: SPEC },
      to: { path: '^libs/(database|queue|crypto|containers|gateway-client|demo-model|rate-limit|storage)/' },
    },
    {
      name: 'api-touches-no-container',
      severity: 'error',
      from: { path: '^apps/api/', pathNot: SPEC },
      to: { path: '(^libs/containers/|node_modules/dockerode|^(node:)?child_process$)' },
    },
    {
      name: 'http-knows-no-surface',
      severity: 'error',
      comment: 'What all surfaces share does not know any of them; the registry alone lists them',
      from: { path: '^apps/api/src/http/', pathNot: SPEC },
      to: { path: '^apps/api/src/surfaces/[^/]+/' },
    },
    {
      name: 'programs-are-apart',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: SPEC },
      to: { path: '^apps/([^/]+)/', pathNot: '^apps/$1/' },
    },
    {
      name: 'agent-stays-small',
      severity: 'error',
      comment: 'The agent is bundled and isolated: no Nest, no database, only the demo model of our libraries',
      from: { path: '^apps/agent/', pathNot: SPEC },
      to: { path: '(node_modules/(@nestjs|typeorm|pg|bullmq)/|^libs/(?!demo-model/|kernel/))' },
    },
    {
      name: 'testing-is-for-specs',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: [SPEC, '^libs/testing/'] },
      to: { path: '^libs/testing/' },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      comment: 'The story of the generated client is compiled by its spec, beside the client',
      from: { pathNot: '/contract/sdk/story\\.mts$' },
      to: { couldNotResolve: true },
    },
    {
      name: 'no-undeclared-package',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: SPEC },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-development-package',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: [SPEC, '^libs/testing/'] },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: 'node_modules/@types/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
