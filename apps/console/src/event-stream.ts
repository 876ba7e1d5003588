/** Server-sent events by `fetch`, since an EventSource cannot show credentials. */
import { CallFailed, request } from './api.js';

const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 5_000;
/** The coordinator says something every 15 s, and the overview every second: who is silent for so long is gone. */
const SILENCE_MS_MAX = 35_000;
/** More text than this without the end of an event is no stream of ours. */
const EVENT_LENGTH_MAX = 4 * 1024 * 1024;

export type StreamState = 'connecting' | 'live' | 'broken';

export interface StreamListener {
  onData(data: string): void;
  onState(state: StreamState, error?: CallFailed): void;
}

/** Listens until the signal says otherwise; opens the stream again whenever it ends. */
export async function listen(path: string, listener: StreamListener, signal: AbortSignal): Promise<void> {
  for (let waitMs = RETRY_MS_MIN; !signal.aborted; waitMs = Math.min(waitMs * 2, RETRY_MS_MAX)) {
    try {
      const { body } = await request(path, { signal });
      listener.onState('live');
      for await (const data of eventsOf(body as ReadableStream<Uint8Array>)) {
        waitMs = RETRY_MS_MIN;
        listener.onData(data);
      }
    } catch (error) {
      if (signal.aborted) return;
      const failed = error instanceof CallFailed ? error : undefined;
      listener.onState('broken', failed);
      if (failed?.status === 401 || failed?.status === 403 || failed?.status === 404) return;
    }
    await pause(waitMs, signal);
  }
}

async function* eventsOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await withinSilence(reader.read());
      if (done) return;
      const { events, left } = cutEvents(rest + decoder.decode(value, { stream: true }));
      if (left.length > EVENT_LENGTH_MAX) throw new Error('The event stream does not end an event.');
      rest = left;
      yield* events;
    }
  } finally {
    await reader.cancel().catch(() => undefined); // it has broken already
  }
}

/** @throws Error where nothing comes for too long: a connection may be dead without anybody saying so */
async function withinSilence<T>(reading: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('The event stream is silent.')), SILENCE_MS_MAX);
  });
  try {
    return await Promise.race([reading, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** The data of the events that have come whole, and what is left of the text. */
export function cutEvents(text: string): { readonly events: string[]; readonly left: string } {
  const blocks = text.split('\n\n');
  const left = blocks.pop() ?? '';
  const events = blocks.flatMap((block) => {
    const data = block.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice('data: '.length)] : []));
    return data.length > 0 ? [data.join('\n')] : [];
  });
  return { events, left };
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
