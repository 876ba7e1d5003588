import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { type AnomalyKind, checkHistory, type ModelName, parseHistory } from '../src/index.js';

const load = (name: string) => parseHistory(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8'));
const check = (name: string, model: ModelName) => checkHistory(load(name), model);

describe('histories written by hand', () => {
  it.each<[string, AnomalyKind]>([
    ['g0', 'G0'],
    ['g1a', 'G1a'],
    ['g1b', 'G1b'],
    ['g1c', 'G1c'],
    ['lost-update', 'lost-update'],
    ['g-single', 'G-single'],
    ['g-nonadjacent', 'G-nonadjacent'],
    ['half-of-an-unknown', 'G-single'],
    ['internal', 'internal'],
    ['incompatible-order', 'incompatible-order'],
    ['duplicate-elements', 'duplicate-elements'],
    ['dirty-update', 'dirty-update'],
    ['garbage-read', 'garbage-read'],
  ])('%s is rejected under every model, as %s', (name, kind) => {
    for (const model of ['snapshot-isolation', 'serializable', 'strong-snapshot-isolation'] as const) {
      const report = check(name, model);
      expect(report.valid).toBe(false);
      expect(report.forbidden.map((one) => one.kind)).toContain(kind);
    }
  });

  it('write-skew is accepted under snapshot isolation, and rejected under serializability', () => {
    const tolerated = check('write-skew', 'strong-snapshot-isolation');
    expect(tolerated).toMatchObject({ valid: true, forbidden: [], counts: { G2: 1 } });
    expect(tolerated.allowed.map(({ kind }) => kind)).toEqual(['G2']);
    expect(check('write-skew', 'serializable')).toMatchObject({ valid: false, forbidden: [{ kind: 'G2' }] });
  });

  it.each(['clean-serial', 'clean-unknown'])('%s is accepted under every model', (name) => {
    expect(check(name, 'strict-serializable')).toMatchObject({ valid: true, allowed: [], counts: {} });
  });

  it('a stale read is accepted unless the model respects the order of processes, or of real time', () => {
    expect(check('stale-read-session', 'serializable').valid).toBe(true);
    expect(check('stale-read-session', 'strong-session-snapshot-isolation')).toMatchObject({
      forbidden: [{ kind: 'G-single-process' }],
    });
    expect(check('stale-read-real-time', 'strong-session-serializable').valid).toBe(true);
    expect(check('stale-read-real-time', 'strong-snapshot-isolation')).toMatchObject({
      forbidden: [{ kind: 'G-single-realtime' }],
    });
  });

  it('what is rejected is explained: who, which key, why', () => {
    const { forbidden } = check('g-single', 'snapshot-isolation');
    expect(forbidden.map(({ explanation }) => explanation)).toEqual([
      [
        'T1 -rw→ T0 -wr→ T1',
        'T1 came before T0, since T1 read key y while it was empty and missed 1, which T0 appended next (rw)',
        'T0 came before T1, since T1 read key x up to 1, which T0 had appended (wr)',
        'T1 (process 1, index 1–3, committed): read(x) = [1], read(y) = []',
        'T0 (process 0, index 0–2, committed): append(x, 1), append(y, 1)',
      ],
    ]);
  });

  it('an unknown transaction takes effect once its writes are read, and else does not', () => {
    expect(check('clean-unknown', 'snapshot-isolation').transactions).toEqual({
      committed: 2,
      aborted: 0,
      unknown: 2,
      unknownSeen: 1,
    });
  });
});
