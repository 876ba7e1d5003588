// An open loop: calls come at the moments that a Poisson process says, whatever becomes of those before. A caller that
// waits for its answer before the next call would hide an overload (coordinated omission), so latency counts from the
// moment a call was due. HTTP by hand over plain sockets: the generator must not be what saturates the machine.
import { Socket } from 'node:net';
import { percentile } from './statistics.mjs';

/** Calls are begun in small groups, this often. */
const PACE_MS = 2;
/** As many calls are under way at most; what is due beyond is counted as unsent. */
const CONNECTIONS_MAX = 2_000;
/** What was not answered by then, after the last arrival, is given up. */
const LAST_ANSWERS_MS = 15_000;
/** A polite caller comes back this much later than it was told at the most, as the client library's first retry does. */
const JITTER_MS = 100;
const HEADERS_END = '\r\n\r\n';

/** @typedef {{ dueAt: number, returns: number }} Call */

/** One call at a time over one kept-alive connection. */
class Connection {
  #socket = new Socket();
  #text = '';
  #needed = -1;
  #onAnswer = undefined;

  constructor({ hostname, port }, onClose) {
    this.#socket.setNoDelay(true).setEncoding('latin1');
    this.#socket.on('data', (chunk) => this.#onData(chunk));
    this.#socket.on('error', () => {}); // `close` follows
    this.#socket.on('close', () => {
      onClose(this);
      this.#settle(0, 0);
    });
    this.#socket.connect(Number(port), hostname);
  }

  /** @param {string} request @param {(status: number, retryAfterMs: number) => void} onAnswer status 0: the connection was lost */
  send(request, onAnswer) {
    this.#onAnswer = onAnswer;
    this.#socket.write(request);
  }

  end() {
    this.#socket.destroy();
  }

  #onData(chunk) {
    this.#text += chunk;
    if (this.#needed < 0) {
      const end = this.#text.indexOf(HEADERS_END);
      if (end < 0) return;
      const length = /\r\ncontent-length: (\d+)/i.exec(this.#text);
      this.#needed = end + HEADERS_END.length + Number(length?.[1] ?? 0);
    }
    if (this.#text.length < this.#needed) return;
    const status = Number(this.#text.slice(9, 12));
    const told = status === 200 ? null : /\r\nretry-after: (\d+)/i.exec(this.#text);
    this.#text = '';
    this.#needed = -1;
    this.#settle(status, Number(told?.[1] ?? 0) * 1000);
  }

  #settle(status, retryAfterMs) {
    const onAnswer = this.#onAnswer;
    this.#onAnswer = undefined;
    onAnswer?.(status, retryAfterMs);
  }
}

export class OpenLoop {
  #url;
  #bodyOf;
  #idle = [];
  #connections = new Set();
  #sent = 0;
  #run;

  /** @param {{ url: string, bodyOf: (number: number) => string }} options */
  constructor({ url, bodyOf }) {
    this.#url = new URL(url);
    this.#bodyOf = bodyOf;
  }

  /**
   * @param {{ rate: number, durationMs: number, warmupMs: number, polite?: boolean, onBegin?: () => void, onEnd?: () => void }} options
   * rate: arrivals per second; what is due within the warm-up is not counted. A rude caller forgets what was refused; a
   * polite one comes back when it was told to, and then calls go on until the last is settled.
   */
  async measure({ rate, durationMs, warmupMs, polite = false, onBegin = () => {}, onEnd = () => {} }) {
    const run = {
      latencies: [],
      refused: {},
      failed: {},
      good: 0,
      unsent: 0,
      arrivals: 0,
      told: [],
      returned: 0,
      admittedAtOnce: 0,
    };
    const from = performance.now() + warmupMs;
    const state = { run, polite, underWay: 0, comingBack: [], from, isOpen: false };
    this.#run = state;
    const began = performance.now();
    const over = began + warmupMs + durationMs;
    let due = began;
    let stage = 'warm-up';
    for (let now = began; now < over + LAST_ANSWERS_MS; now = performance.now()) {
      if (stage === 'warm-up' && now >= state.from) {
        stage = 'window';
        state.isOpen = true;
        onBegin();
      }
      if (stage === 'window' && now >= over) {
        stage = 'over';
        state.isOpen = false;
        onEnd();
      }
      for (; due <= now && due < over; due += (-Math.log(1 - Math.random()) / rate) * 1000) {
        if (due >= state.from) run.arrivals += 1;
        this.#call({ dueAt: due, returns: 0 });
      }
      this.#comeBack(now);
      if (stage === 'over' && state.underWay === 0 && state.comingBack.length === 0) break;
      await new Promise((resolve) => setTimeout(resolve, PACE_MS));
    }
    const lost = state.underWay;
    this.#run = undefined;
    const sorted = Float64Array.from(run.latencies).sort();
    return {
      ...{
        rate,
        durationMs,
        arrivals: run.arrivals,
        good: run.good,
        unsent: run.unsent,
        refused: run.refused,
        failed: run.failed,
        lost,
      },
      ...{ p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99), returned: run.returned },
      ...{ admittedAtOnce: run.admittedAtOnce, stillComingBack: state.comingBack.length, toldMs: spread(run.told) },
    };
  }

  close() {
    for (const connection of this.#connections) connection.end();
  }

  #comeBack(now) {
    const { comingBack } = this.#run;
    const dueNow = comingBack.filter(({ at }) => at <= now);
    if (dueNow.length === 0) return;
    this.#run.comingBack = comingBack.filter(({ at }) => at > now);
    for (const { call } of dueNow) this.#call({ ...call, returns: call.returns + 1, dueAt: now });
  }

  /** @param {Call} call */
  #call(call) {
    const state = this.#run;
    const counts = call.dueAt >= state.from;
    const connection = this.#idle.pop() ?? this.#open();
    if (!connection) {
      if (counts) state.run.unsent += 1;
      return;
    }
    state.underWay += 1;
    const body = this.#bodyOf(this.#sent);
    this.#sent += 1;
    const { pathname, host } = this.#url;
    const head = `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
    connection.send(head + body, (status, retryAfterMs) => {
      if (status !== 0) this.#idle.push(connection);
      if (this.#run !== state) return;
      state.underWay -= 1;
      this.#settled(state, call, status, retryAfterMs, counts);
    });
  }

  #settled(state, call, status, retryAfterMs, counts) {
    const { run, polite } = state;
    const isRefused = status === 503 || status === 429;
    if (polite && call.returns === 1) {
      run.returned += 1;
      if (!isRefused) run.admittedAtOnce += 1;
    }
    if (polite && isRefused)
      state.comingBack.push({ call, at: performance.now() + retryAfterMs + Math.random() * JITTER_MS });
    if (status === 200 && state.isOpen) run.good += 1;
    if (!counts) return;
    if (status === 200) run.latencies.push(performance.now() - call.dueAt);
    else if (isRefused) {
      run.refused[status] = (run.refused[status] ?? 0) + 1;
      run.told.push(retryAfterMs);
    } else run.failed[status] = (run.failed[status] ?? 0) + 1;
  }

  #open() {
    if (this.#connections.size >= CONNECTIONS_MAX) return undefined;
    const connection = new Connection(this.#url, (closed) => {
      this.#connections.delete(closed);
      const at = this.#idle.indexOf(closed);
      if (at >= 0) this.#idle.splice(at, 1);
    });
    this.#connections.add(connection);
    return connection;
  }
}

function spread(told) {
  const sorted = Float64Array.from(told).sort();
  return sorted.length === 0 ? null : { min: sorted[0], p50: percentile(sorted, 0.5), max: sorted[sorted.length - 1] };
}
