export { normalTailLog10 } from './normal-tail.js';
export { condemns, type Hearing, type Word } from './observers.js';
export { PhiAccrualDetector, type PhiAccrualOptions, SUSPICION_MAX } from './phi-accrual.js';
