/** The steps of one transaction as a sequence diagram: the coordinator at the left, time going down. */
import { durationText } from './format.js';
import type { Layout, Row } from './timeline-layout.js';

const TIME_WIDTH = 84;
const COORDINATOR_X = 152;
const LANE_WIDTH = 190;
const HEAD_HEIGHT = 34;
const ROW_HEIGHT = 26;
/** Room for what is written at the coordinator's own line. */
const RIGHT_MARGIN = 80;

export function Sequence({ layout: { lanes, rows } }: { readonly layout: Layout }) {
  const width = COORDINATOR_X + Math.max(lanes.length, 1) * LANE_WIDTH + RIGHT_MARGIN;
  const height = HEAD_HEIGHT + rows.length * ROW_HEIGHT + 12;
  const xOf = (lane: string | undefined): number =>
    lane === undefined ? COORDINATOR_X : COORDINATOR_X + (lanes.indexOf(lane) + 1) * LANE_WIDTH;
  return (
    <svg
      className="sequence"
      role="img"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      aria-label={inWords(rows)}
    >
      <Lane name="coordinator" x={COORDINATOR_X} height={height} />
      {lanes.map((lane) => (
        <Lane key={lane} name={lane} x={xOf(lane)} height={height} />
      ))}
      {rows.map((row, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: steps are only ever added at the end
        <Step key={index} row={row} x={xOf(row.lane)} y={HEAD_HEIGHT + (index + 1) * ROW_HEIGHT} />
      ))}
    </svg>
  );
}

const Lane = ({ name, x, height }: { readonly name: string; readonly x: number; readonly height: number }) => (
  <>
    <line className="life" x1={x} x2={x} y1={HEAD_HEIGHT - 6} y2={height - 4} />
    <rect className="lane" x={x - 62} y={2} width={124} height={24} rx={5} />
    <text x={x} y={18} textAnchor="middle" fontWeight={600}>
      {name}
    </text>
  </>
);

function Step({ row, x, y }: { readonly row: Row; readonly x: number; readonly y: number }) {
  const took = row.tookMs === undefined ? '' : ` (${row.isAwaited ? 'for ' : ''}${durationText(row.tookMs)})`;
  const text = `${row.label}${took}`;
  const isTo = row.direction === 'to';
  const [from, to] = isTo ? [COORDINATOR_X, x] : [x, COORDINATOR_X];
  const tip = isTo ? -1 : 1;
  return (
    <>
      <text className="quiet" x={TIME_WIDTH - 4} y={y + 4} textAnchor="end">
        {durationText(row.atMs)}
      </text>
      {row.direction === undefined ? (
        <>
          <circle className="head" cx={COORDINATOR_X} cy={y} r={4} />
          <text className={row.tone} x={COORDINATOR_X + 12} y={y + 4}>
            {text}
          </text>
        </>
      ) : (
        <>
          <line className={row.isAwaited ? 'arrow awaited' : 'arrow'} x1={from} x2={to} y1={y} y2={y} />
          {!row.isAwaited && <path className="head" d={`M ${to} ${y} l ${tip * 9} -4 v 8 z`} />}
          <text className={row.isAwaited ? 'awaited' : row.tone} x={x - 12} y={y - 6} textAnchor="end">
            {text}
          </text>
        </>
      )}
    </>
  );
}

const inWords = (rows: readonly Row[]): string =>
  `Sequence: ${rows
    .map(({ atMs, label, lane, direction, tookMs, isAwaited }) => {
      const where = lane === undefined ? '' : direction === 'to' ? ` to ${lane}` : ` from ${lane}`;
      return `${durationText(atMs)} ${label}${where}${tookMs === undefined ? '' : ` ${isAwaited ? 'for' : 'after'} ${durationText(tookMs)}`}`;
    })
    .join('; ')}`;
