export type { Anomaly, AnomalyKind } from './anomaly.js';
export { checkHistory, type IsolationReport } from './check.js';
export { meaningOf } from './explain.js';
export {
  type Append,
  type Element,
  type EventType,
  HistoryError,
  type HistoryEvent,
  type Key,
  type MicroOperation,
  parseHistory,
  type Read,
  toHistory,
} from './history.js';
export { forbiddenBy, isModelName, MODELS, type Model, type ModelName } from './models.js';
