import { Message } from '../core/messages.js';
import { EventQueue } from './event-queue.js';
import { SeededRandom } from './random.js';

/** How badly the network behaves. All probabilities are per message. */
export interface NetworkConditions {
  readonly dropProbability: number;
  readonly duplicateProbability: number;
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  /** A straggler arrives up to this much later, long after messages sent behind it. */
  readonly straggleProbability: number;
  readonly straggleMsMax: number;
}

export const CALM: NetworkConditions = {
  dropProbability: 0,
  duplicateProbability: 0,
  delayMsMin: 1,
  delayMsMax: 3,
  straggleProbability: 0,
  straggleMsMax: 0,
};

/** A network that drops, delays, duplicates and reorders messages, and can be cut in one direction at a time. */
export class SimulatedNetwork<M extends Pick<Message, 'from' | 'to'> = Message> {
  conditions: NetworkConditions = CALM;
  /** `from>to` of every direction that is cut. */
  readonly #cut = new Set<string>();

  constructor(
    readonly queue: EventQueue,
    readonly random: SeededRandom,
    readonly deliver: (message: M) => void,
    /** Called for everything that does not arrive. */
    readonly lose: (message: M) => void,
  ) {}

  cut(from: number, to: number): void {
    this.#cut.add(`${from}>${to}`);
  }

  heal(): void {
    this.#cut.clear();
  }

  send(message: M): void {
    const { random, conditions } = this;
    const copies = random.chance(conditions.duplicateProbability) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) this.#sendOnce(message);
  }

  #sendOnce(message: M): void {
    const { random, conditions, queue } = this;
    let delayMs = random.between(conditions.delayMsMin, conditions.delayMsMax);
    if (random.chance(conditions.straggleProbability)) delayMs += random.below(conditions.straggleMsMax);
    const lost = random.chance(conditions.dropProbability);
    queue.after(delayMs, () => {
      if (lost || this.#cut.has(`${message.from}>${message.to}`)) this.lose(message);
      else this.deliver(message);
    });
  }
}
