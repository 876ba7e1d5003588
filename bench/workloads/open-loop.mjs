// One-shot transactions at a rate of their own, see ../open-loop.mjs.
import { OpenLoop } from '../open-loop.mjs';

/** @param {{ url: string, body: { kind: 'fixed', json: string } | { kind: 'template', parts: string[], rows: number } }} context */
export async function open({ url, body }) {
  const bodyOf = body.kind === 'fixed' ? () => body.json : (number) => body.parts.join(String(number % body.rows));
  const loop = new OpenLoop({ url, bodyOf });
  return { measure: (options) => loop.measure(options), close: () => loop.close() };
}
