export * from './confchange/conf-change.js';
export * from './core/config.js';
export * from './core/errors.js';
export * from './core/logger.js';
export * from './core/messages.js';
export { RawNode } from './core/raw-node.js';
export * from './core/ready.js';
export * from './core/status.js';
export * from './core/storage.js';
