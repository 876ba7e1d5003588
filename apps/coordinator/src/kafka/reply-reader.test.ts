import type { SubscribeOptions, Transport } from '@concordat/transport';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { leadingEngine, pass } from '../../test/engine.js';
import { UNTRACED } from '../engine/tracing.js';
import { ReplyReader } from './reply-reader.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('the reader of replies', () => {
  it('pauses after each read while its replica follows, and not while it leads', async () => {
    const engine = await leadingEngine();
    let reading: SubscribeOptions | undefined;
    const subscribe = async (options: SubscribeOptions) => {
      reading = options;
      return { close: async () => undefined };
    };
    const transport = { subscribe } as Partial<Transport> as Transport;
    const reader = new ReplyReader(transport, engine.coordinator, engine.logger, UNTRACED, () => {});
    await reader.start('1');
    expect(reading?.pause?.()).toBeUndefined();
    engine.log.lose();
    let isOver = false;
    void reading?.pause?.()?.then(() => {
      isOver = true;
    });
    await pass(1);
    expect(isOver).toBe(false);
    await pass(1_000);
    expect(isOver).toBe(true);
    engine.log.lead(2);
    expect(reading?.pause?.()).toBeUndefined();
  });
});
