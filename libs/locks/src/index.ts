export {
  isCompatible,
  type LockAction,
  type LockChange,
  type LockHold,
  type LockMode,
  type LockSession,
  type LockState,
} from './lock.js';
export { nextInLine } from './queue.js';
export { parseSequencer, type Sequencer, sequencerOf } from './sequencer.js';
export { LockTable } from './table.js';
