/** One run, one Postgres: see libs/testing. Tests read sources through the `@yunke/source` condition, so they need no build. */
export default {
  extensionsToTreatAsEsm: ['.ts'],
  testMatch: ['<rootDir>/{libs,services}/*/src/**/*.spec.ts', '<rootDir>/test-e2e/src/**/*.spec.ts'],
  modulePathIgnorePatterns: ['<rootDir>/.*/dist/'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', {
      module: { type: 'es6' }, sourceMaps: 'inline',
      jsc: {
        target: 'es2024', parser: { syntax: 'typescript', decorators: true }, keepClassNames: true,
        transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
      },
    }],
  },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testEnvironmentOptions: { customExportConditions: ['@yunke/source', 'node', 'node-addons'] },
  globalSetup: '<rootDir>/libs/testing/jest/setup.mjs',
  globalTeardown: '<rootDir>/libs/testing/jest/teardown.mjs',
  testTimeout: 30_000,
};
