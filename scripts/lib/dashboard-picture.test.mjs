import { describe, expect, it } from '@jest/globals';
import { pictureOf } from './dashboard-picture.mjs';

describe('the picture of a dashboard', () => {
  const points = [0, 1, 2].map((at) => [at, at * 0.004]);

  it('draws each series of each panel, in a unit that fits', () => {
    const series = [
      { legend: 'p50', points },
      { legend: 'p99 of <all> & more', points: [...points, [3, Number.NaN]] },
    ];
    const picture = pictureOf([{ title: 'Wait', unit: 's', series }], 'A minute');
    expect(picture.match(/<polyline/g)).toHaveLength(2);
    expect(picture).toContain('>8 ms</text>');
    expect(picture).toContain('p99 of &lt;all> &amp; more');
    expect(picture).not.toContain('NaN');
  });

  it('says where a panel has nothing to show', () => {
    expect(pictureOf([{ title: 'Nothing', unit: 'short', series: [] }], '')).toContain('no series');
    const dead = [{ legend: 'x', points: [[0, Number.NaN]] }];
    expect(pictureOf([{ title: 'Not a number', unit: 'short', series: dead }], '')).toContain('no series');
  });
});
