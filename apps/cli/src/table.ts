/** Tables for people. What cells hold may come from anybody: it is made printable here. */
import { printable } from './printable.js';
import type { Style, Terminal } from './terminal.js';

export type Cell = string | { readonly text: string; readonly style: Style | undefined };

export interface Column<Row> {
  readonly title: string;
  readonly right?: boolean;
  /** Never cut: ids and names that somebody is to copy. Numbers are not, either. */
  readonly whole?: boolean;
  readonly cell: (row: Row) => Cell;
}

/** Between columns. */
const GAP = '  ';
/** A column is never made narrower than this for the sake of the terminal's width. */
const WIDTH_MIN = 8;
const WIDE = /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|\p{Emoji_Presentation}/u;
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** @returns the lines; `empty` alone where there is no row */
export function tableLines<Row>(
  { columns: width, paint }: Pick<Terminal, 'columns' | 'paint'>,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  empty: string,
): string[] {
  if (rows.length === 0) return [empty];
  const cells = rows.map((row) => columns.map((column) => shown(column.cell(row))));
  const natural = columns.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((line) => widthOf(line[index]?.text ?? ''))),
  );
  const cuttable = columns.map(({ whole, right }) => !whole && !right);
  const widths = fitted(natural, cuttable, width);
  const line = (parts: readonly { text: string; style: Style | undefined }[]): string =>
    parts
      .map(({ text, style }, index) => {
        const cut = cutTo(text, widths[index] as number);
        const space = ' '.repeat((widths[index] as number) - widthOf(cut));
        const painted = paint(style, cut);
        if (columns[index]?.right) return space + painted;
        return index === columns.length - 1 ? painted : painted + space;
      })
      .join(GAP);
  return [line(columns.map(({ title }) => ({ text: title, style: 'faint' as const }))), ...cells.map(line)];
}

/** Names and what they stand for, one a line. */
export function fieldLines(
  { paint }: Pick<Terminal, 'paint'>,
  fields: readonly (readonly [name: string, cell: Cell])[],
): string[] {
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, cell]) => {
    const { text, style } = shown(cell);
    return `${paint('faint', name.padEnd(width))}${GAP}${paint(style, text)}`;
  });
}

const shown = (cell: Cell) =>
  typeof cell === 'string'
    ? { text: printable(cell), style: undefined }
    : { text: printable(cell.text), style: cell.style };

/** How many columns of a terminal a text takes. */
export function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}

function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let cut = '';
  for (const { segment } of graphemes.segment(text)) {
    if (widthOf(cut + segment) > width - 1) break;
    cut += segment;
  }
  return `${cut}…`;
}

/** Takes from the widest of the columns that may be cut, again and again, until all fit or none is left to take from. */
function fitted(natural: readonly number[], cuttable: readonly boolean[], width: number | undefined): number[] {
  const widths = [...natural];
  const total = () => widths.reduce((sum, one) => sum + one, 0) + GAP.length * (widths.length - 1);
  while (width !== undefined && total() > width) {
    const widest = Math.max(0, ...widths.filter((_, index) => cuttable[index]));
    if (widest <= WIDTH_MIN) break;
    const index = widths.findIndex((one, at) => cuttable[at] && one === widest);
    widths[index] = widest - 1;
  }
  return widths;
}
