import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  abortEntry,
  beginEntry,
  branch,
  claimOf,
  commitEntry,
  forgetEntry,
  idOf,
  NOW,
  termEntry,
} from '../test/fixtures.js';
import { decodeEntry, encodeEntry } from './entries.js';

describe('log entries', () => {
  it.each([
    termEntry(),
    beginEntry(idOf(1, 1), [branch('east', 'enlisted')], [claimOf('k')]),
    commitEntry(idOf(1, 1)),
    abortEntry(idOf(1, 1), [branch('east', 'refused')]),
    forgetEntry(idOf(1, 1), ['east']),
    {
      type: 'participant' as const,
      descriptor: { name: 'east', isolation: 'local' as const, operations: [] },
      at: NOW,
    },
    { type: 'published' as const, index: 9 },
    { type: 'prune' as const, completedBefore: 1, keysBefore: 2 },
  ])('a $type entry reads back as it was written', (entry) => {
    expect(decodeEntry(encodeEntry(entry))).toEqual(entry);
  });

  it('carries any JSON value that an operation gives as its result', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const result = JSON.parse(JSON.stringify(value));
        const entry = commitEntry(idOf(1, 1), [{ ...branch('east', 'prepared'), result }]);
        expect(decodeEntry(encodeEntry(entry))).toEqual(entry);
      }),
      { numRuns: 200 },
    );
  });
});
