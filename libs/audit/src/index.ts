export { compare, type KnownRecord, type RecordFact } from './compare.js';
export {
  decodeFacts,
  type EventFact,
  encodeFacts,
  type Facts,
  mergeFacts,
  noFacts,
  type Said,
  wordsOf,
} from './facts.js';
export {
  type AuditWindow,
  type Cause,
  isViolation,
  type Judgement,
  judge,
  UNFINISHED_MAX_MS,
  VERDICTS,
  type Verdict,
  type Violation,
} from './judge.js';
export { type AuditedRecord, COUNTED, FactGatherer, noRecords, type RecordCounts, TOPICS, type Verify } from './map.js';
export { bucketOf } from './shuffle.js';
