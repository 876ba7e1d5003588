/** How values read. */
const S_MS = 1_000;
const MIN_MS = 60 * S_MS;
const H_MS = 60 * MIN_MS;
const DAY_MS = 24 * H_MS;

/** @param ms a duration; null reads as a dash */
export function durationText(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–';
  if (ms < 0.05) return '0 ms';
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < S_MS) return `${Math.round(ms)} ms`;
  if (ms < MIN_MS) return `${(ms / S_MS).toFixed(1)} s`;
  if (ms < H_MS) return `${Math.floor(ms / MIN_MS)} min ${Math.floor((ms % MIN_MS) / S_MS)} s`;
  if (ms < DAY_MS) return `${Math.floor(ms / H_MS)} h ${Math.floor((ms % H_MS) / MIN_MS)} min`;
  return `${Math.floor(ms / DAY_MS)} d ${Math.floor((ms % DAY_MS) / H_MS)} h`;
}

export const figureText = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : value.toLocaleString('en', { maximumFractionDigits: 1 });

/** In the time of the reader, to the second. */
export const timeText = (iso: string | null | undefined): string =>
  iso ? new Date(iso).toLocaleString('en-GB', { hour12: false }) : '–';

export const clockText = (iso: string): string => new Date(iso).toLocaleTimeString('en-GB', { hour12: false });
