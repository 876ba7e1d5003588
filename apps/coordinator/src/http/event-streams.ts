import type { ServerResponse } from 'node:http';
import { ConcordatError } from '@concordat/protocol';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { EVENT_HEARTBEAT_MS, EVENT_STREAMS_MAX, EVENT_STREAMS_PER_CALLER_MAX } from './limits.js';

/** One client that listens. */
export interface EventStream {
  send(data: string): void;
  /** Ends it from our side. */
  end(): void;
  /** Called once, whoever ended it. */
  onEnd(listener: () => void): void;
}

/**
 * The server-sent event streams that are open: one timer keeps all of them alive, and a stop ends them, since a
 * server does not close while a response is under way.
 */
@Injectable()
export class EventStreams implements OnModuleDestroy {
  /** With the caller that each belongs to. */
  private readonly open = new Map<ServerResponse, string>();
  private timer: NodeJS.Timeout | undefined;

  /** @throws ConcordatError `overloaded` when too many are open, of this caller or altogether */
  checkRoom(caller: string): void {
    const own = this.open.size < EVENT_STREAMS_PER_CALLER_MAX ? 0 : this.countOf(caller);
    if (this.open.size < EVENT_STREAMS_MAX && own < EVENT_STREAMS_PER_CALLER_MAX) return;
    throw new ConcordatError('overloaded', 'Too many event streams are open.', { retryAfterMs: 5_000 });
  }

  /**
   * Begins the response; the caller must have taken it out of Fastify's hands.
   * @param event the name of its events
   */
  start(response: ServerResponse, caller: string, event = 'transaction'): EventStream {
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.flushHeaders();
    this.open.set(response, caller);
    this.timer ??= setInterval(() => this.keepAlive(), EVENT_HEARTBEAT_MS).unref();
    response.on('error', () => response.destroy());
    response.once('close', () => this.forget(response));
    return {
      send: (data) => {
        if (response.writable) response.write(`event: ${event}\ndata: ${data}\n\n`);
      },
      end: () => void response.end(),
      onEnd: (listener) => void response.once('close', listener),
    };
  }

  onModuleDestroy(): void {
    for (const response of this.open.keys()) response.end();
    clearInterval(this.timer);
  }

  private countOf(caller: string): number {
    let count = 0;
    for (const owner of this.open.values()) if (owner === caller) count += 1;
    return count;
  }

  private keepAlive(): void {
    for (const response of this.open.keys()) {
      // A client that does not read gets nothing more, and is not waited for.
      if (response.writableNeedDrain) response.destroy();
      else response.write(': still here\n\n');
    }
  }

  private forget(response: ServerResponse): void {
    this.open.delete(response);
    if (this.open.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
