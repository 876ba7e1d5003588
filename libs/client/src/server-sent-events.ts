import { type Clock, sleep } from './clock.js';

export interface ServerSentEvent {
  readonly name: string;
  readonly data: string;
  /** The last id that the stream has given; empty when there was none. */
  readonly id: string;
}

/** More text than this without the end of an event is no event stream of ours. */
const EVENT_LENGTH_MAX = 16 * 1024 * 1024;

/**
 * Reads an event stream (WHATWG HTML, §9.2).
 * @param silenceMsMax the stream is given up after this long without a byte, heartbeats included; in ms
 * @throws when the connection breaks or falls silent
 */
export async function* readEvents(
  stream: ReadableStream<Uint8Array>,
  silenceMsMax: number,
  clock: Clock,
): AsyncGenerator<ServerSentEvent> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  try {
    for (;;) {
      const { done, value } = await withinSilence(reader.read(), silenceMsMax, clock);
      if (done) return;
      yield* parser.take(decoder.decode(value, { stream: true }));
    }
  } finally {
    await reader.cancel().catch(() => undefined); // it has broken already
  }
}

/** Makes events of text as it comes, wherever it is cut. */
export class EventParser {
  #rest = '';
  #name = '';
  #data: string[] = [];
  #id = '';

  *take(text: string): Generator<ServerSentEvent> {
    this.#rest += text;
    if (this.#rest.length > EVENT_LENGTH_MAX) throw new Error('The event stream does not end an event.');
    // A carriage return at the very end may be half of a line's end.
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = this.#line(line);
      if (event) yield event;
    }
  }

  #line(line: string): ServerSentEvent | undefined {
    if (line === '') return this.#dispatch();
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'event') this.#name = value;
    else if (field === 'data') this.#data.push(value);
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    return undefined;
  }

  #dispatch(): ServerSentEvent | undefined {
    const [name, data] = [this.#name || 'message', this.#data];
    this.#name = '';
    this.#data = [];
    return data.length === 0 ? undefined : { name, data: data.join('\n'), id: this.#id };
  }
}

async function withinSilence<T>(reading: Promise<T>, silenceMsMax: number, clock: Clock): Promise<T> {
  const heard = new AbortController();
  const silence = sleep(clock, silenceMsMax, heard.signal).then(() => {
    throw new Error(`The event stream was silent for ${silenceMsMax} ms.`);
  });
  silence.catch(() => undefined); // cancelled, or told below
  try {
    return await Promise.race([reading, silence]);
  } finally {
    heard.abort();
  }
}
