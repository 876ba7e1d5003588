/** How suspicious a silence has been over the last minute: a line that rises while nothing is heard. */
import { useRef } from 'react';
import { figureText } from './format.js';

/** From here on a replica suspects (docs/failure-detection.md). */
const SUSPECTED_FROM = 8;
/** Higher values say nothing more to the eye. */
const SHOWN_MAX = 16;
const WINDOW_MS = 60_000;
const WIDTH = 120;
const HEIGHT = 28;

interface Point {
  readonly atMs: number;
  readonly phi: number;
}

export function Suspicion({ name, phi }: { readonly name: string; readonly phi: number | null }) {
  const points = useHistory(phi);
  const now = points.at(-1)?.atMs ?? 0;
  const line = points
    .map(({ atMs, phi: value }) => `${WIDTH - ((now - atMs) / WINDOW_MS) * WIDTH},${heightOf(value)}`)
    .join(' ');
  const isSuspected = (phi ?? 0) >= SUSPECTED_FROM;
  return (
    <svg
      className="suspicion"
      data-suspected={isSuspected}
      role="img"
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      aria-label={`Suspicion of ${name} over the last minute: now ${figureText(phi)}, suspected from ${SUSPECTED_FROM} on`}
    >
      <line className="limit" x1={0} x2={WIDTH} y1={heightOf(SUSPECTED_FROM)} y2={heightOf(SUSPECTED_FROM)} />
      <polyline points={line} />
    </svg>
  );
}

/** What was read, for as long as this part of the page is there. */
function useHistory(phi: number | null): readonly Point[] {
  const points = useRef<Point[]>([]);
  const atMs = performance.now();
  const last = points.current.at(-1);
  if (phi !== null && (last === undefined || atMs - last.atMs >= 500 || last.phi !== phi)) {
    points.current = [...points.current.filter((point) => atMs - point.atMs <= WINDOW_MS), { atMs, phi }];
  }
  return points.current;
}

const heightOf = (phi: number): number => HEIGHT - 2 - (Math.min(phi, SHOWN_MAX) / SHOWN_MAX) * (HEIGHT - 4);
