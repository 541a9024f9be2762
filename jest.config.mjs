const project = (displayName, testMatch, extra = {}) => ({
  displayName,
  testMatch,
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: [],
  transform: {
    '^.+\\.(ts|js|mjs)$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
          target: 'es2023',
        },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  transformIgnorePatterns: [],
  moduleNameMapper: {
    '^#libs/(.*)$': '<rootDir>/libs/$1/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.rookery'],
  setupFiles: ['reflect-metadata'],
  ...extra,
});

const database = {
  globalSetup: '<rootDir>/libs/testing/src/jest.setup.mjs',
  globalTeardown: '<rootDir>/libs/testing/src/jest.teardown.mjs',
};

export default {
  // Jest takes it from here alone, not from a project.
  testTimeout: 30_000,
  // Node takes up to a second to give back the heap of a worker that has ended: only what is open longer is a leak.
  workerGracefulExitTimeout: 5_000,
  projects: [
    project('unit', ['<rootDir>/{apps,libs,test}/**/*.spec.ts']),
    project('medium', ['<rootDir>/{apps,libs}/**/*.medium-spec.ts'], database),
    project('contract', ['<rootDir>/apps/**/*.contract-spec.ts'], database),
    project('privileged', ['<rootDir>/{apps,libs}/**/*.privileged-spec.ts'], database),
    project('system', ['<rootDir>/test/{e2e,faults}/**/*.e2e-spec.ts'], database),
  ],
};
