/** One configuration for all suites; scripts/test.mjs picks projects and brings up Postgres and Kafka. */
export default {
  testEnvironment: 'node',
  roots: [
    '<rootDir>/libs',
    '<rootDir>/apps',
    '<rootDir>/examples',
    '<rootDir>/scripts',
    '<rootDir>/bench',
    '<rootDir>/test',
  ],
  testMatch: ['**/*.test.{ts,mjs}'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  modulePathIgnorePatterns: ['/dist/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^@concordat/raft/simulator$': '<rootDir>/libs/raft/src/simulator/index.ts',
    '^@concordat/client/nest$': '<rootDir>/libs/client/src/nest/index.ts',
    '^@concordat/client/opentelemetry$': '<rootDir>/libs/client/src/opentelemetry/index.ts',
    '^@concordat/(.*)$': '<rootDir>/libs/$1/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: { '^.+\\.ts$': ['@swc/jest'] },
  testTimeout: 30_000,
};
