/**
 * The state machine of a simulation: a few registers, written by numbered commands of numbered clients. A command that
 * arrives twice, or after a later one of the same client, does nothing.
 */
import type { Entry } from '../core/messages.js';

export interface WriteCommand {
  readonly client: number;
  readonly sequence: number;
  readonly key: number;
  readonly value: number;
}

/** The value of a register that was never written. */
export const INITIAL_VALUE = 0;

export class Registers {
  #values: Record<number, number> = {};
  #lastSequence: Record<number, number> = {};

  read(key: number): number {
    return this.#values[key] ?? INITIAL_VALUE;
  }

  apply({ data }: Entry): void {
    if (data.length === 0) return;
    const { client, sequence, key, value } = decodeCommand(data);
    if (sequence <= (this.#lastSequence[client] ?? 0)) return;
    this.#lastSequence[client] = sequence;
    this.#values[key] = value;
  }

  encode(): Uint8Array {
    return encode([this.#values, this.#lastSequence]);
  }

  static decode(data: Uint8Array): Registers {
    const registers = new Registers();
    if (data.length > 0) [registers.#values, registers.#lastSequence] = decode(data) as [never, never];
    return registers;
  }
}

export function encodeCommand(command: WriteCommand): Uint8Array {
  return encode(command);
}

export function decodeCommand(data: Uint8Array): WriteCommand {
  return decode(data) as WriteCommand;
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function decode(data: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(data));
}
