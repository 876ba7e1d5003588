import { describe, expect, it } from '@jest/globals';
import { sparkline, svgChart, textChart, verdictOn } from './series.mjs';

const series = (values, step = 0) => ({ name: 'rows', unit: 'rows', step, values });
const numbers = (count, of) => Array.from({ length: count }, (_, at) => of(at));

describe('whether a series has levelled off', () => {
  it('it has when it rose at first and then stays, teeth and all', () => {
    expect(verdictOn(series(numbers(60, (at) => Math.min(at * 100, 2000) + (at % 5) * 20))).isLevel).toBe(true);
  });

  it('it has not while it still rises, however slowly it began', () => {
    expect(verdictOn(series(numbers(60, (at) => 1000 + at * 10)))).toMatchObject({ isLevel: false, max: 1590 });
  });

  it('one step more is no growth, two are', () => {
    const stepping = (by) => numbers(60, (at) => 10 + Math.floor(at / 30) * 0 + (at >= 45 ? by : 0));
    expect(verdictOn(series(stepping(16), 32)).isLevel).toBe(true);
    expect(verdictOn(series(stepping(64), 32)).isLevel).toBe(false);
  });

  it('a fall is no growth', () => {
    expect(verdictOn(series(numbers(60, (at) => 100 - at))).isLevel).toBe(true);
  });
});

describe('pictures of a series', () => {
  it('a line of bars is as wide as told and as high as the largest', () => {
    const line = sparkline(
      numbers(120, (at) => at),
      60,
    );
    expect([...line]).toHaveLength(60);
    expect([line.at(0), line.at(-1)]).toEqual(['▁', '█']);
  });

  it('say which series grows', () => {
    const all = [series(numbers(60, () => 7)), series(numbers(60, (at) => at * 9))];
    expect(textChart(all).split('\n')).toEqual([expect.stringMatching(/^level /), expect.stringMatching(/^GROWS /)]);
    expect(svgChart(all, { title: 'x', seconds: 60 }).match(/<polyline/g)).toHaveLength(2);
  });
});
