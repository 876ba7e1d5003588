// Made of apps/coordinator/openapi.json by scripts/generate.mjs: change it there.

export * from './audits.js';
export * from './cluster.js';
export * from './everywhere.js';
export * from './locks.js';
export * from './operations.js';
export * from './participants.js';
export * from './snapshots.js';
export * from './transactions.js';
