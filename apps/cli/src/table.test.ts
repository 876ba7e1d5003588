import { describe, expect, it } from '@jest/globals';
import { fieldLines, tableLines, widthOf } from './table.js';
import type { Style } from './terminal.js';

const plain = { columns: undefined, paint: (_style: Style | undefined, text: string) => text };
const columns = [
  { title: 'NAME', cell: ({ name }: { name: string; count: number }) => name },
  { title: 'COUNT', right: true, cell: ({ count }: { name: string; count: number }) => `${count}` },
  { title: 'NOTE', cell: () => ({ text: 'x', style: 'bad' as const }) },
];

describe('a table', () => {
  it('lines its columns up, numbers to the right, whatever the letters', () => {
    const rows = [
      { name: 'east', count: 5 },
      { name: '東京', count: 123_456 },
    ];
    expect(tableLines(plain, columns, rows, '')).toEqual(['NAME   COUNT  NOTE', 'east       5  x', '東京  123456  x']);
    expect(widthOf('e\u0301')).toBe(1);
  });

  it('says so where there is nothing', () => {
    expect(tableLines(plain, columns, [], 'Nothing.')).toEqual(['Nothing.']);
  });

  it('cuts the widest column first to fit the terminal, and only there', () => {
    const rows = [{ name: 'n'.repeat(60), count: 5 }];
    const lines = tableLines({ ...plain, columns: 40 }, columns, rows, '');
    expect(Math.max(...lines.map(widthOf))).toBe(40);
    expect(lines[1]).toMatch(/^n+… {2} {4}5 {2}x$/);
    expect(tableLines(plain, columns, rows, '')[1]).toContain('n'.repeat(60));
  });

  it('never cuts what somebody is to copy', () => {
    const rows = [{ name: 'n'.repeat(60), count: 5 }];
    const whole = columns.map((column) => ({ ...column, whole: true }));
    expect(tableLines({ ...plain, columns: 40 }, whole, rows, '')[1]).toContain('n'.repeat(60));
  });

  it('paints after it has measured', () => {
    const paint = (style: Style | undefined, text: string) => (style ? `<${style}>${text}</>` : text);
    const rows = [{ name: 'a', count: 1 }];
    expect(tableLines({ ...plain, paint }, columns, rows, '')).toEqual([
      '<faint>NAME</>  <faint>COUNT</>  <faint>NOTE</>',
      'a         1  <bad>x</>',
    ]);
  });

  it('lets nobody write controls or turned text into the terminal', () => {
    const rows = [{ name: 'a\u001b[2J\u009b1m\n\u202eb', count: 1 }];
    expect(tableLines(plain, columns, rows, '')[1]).toBe('a\ufffd[2J\ufffd1m\ufffd\ufffdb      1  x');
    expect(fieldLines(plain, [['label', '\u0007x']])).toEqual(['label  \ufffdx']);
  });
});
