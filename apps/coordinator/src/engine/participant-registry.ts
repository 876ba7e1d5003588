/**
 * What the coordinator knows of participants: their descriptors (replicated, from the ledger) and their health
 * (volatile: what this replica hears of them, and what the others say). Checks operations, inputs and health at enlistment.
 */
import {
  ConcordatError,
  HEARTBEAT_INTERVAL_MS,
  type Heartbeat,
  isNestedTooDeeply,
  JSON_DEPTH_MAX,
  type ParticipantDescriptor,
} from '@concordat/protocol';
import type { ParticipantRecord } from '@concordat/transaction';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { BranchRequest, ParticipantView } from './api.js';
import { Listening } from './listening.js';
import { isCondemned, type Observation, type Observers, type OwnHearing, wordsOn } from './observers.js';
import { ParticipantObserver } from './participant-observer.js';
import type { Clock, Messenger } from './ports.js';

interface Known {
  readonly record: ParticipantRecord;
  /** The descriptor as text, so that an unchanged announcement costs one comparison. */
  readonly text: string;
  readonly validators: Map<string, ValidateFunction>;
}

export interface RegistryPorts {
  readonly clock: Clock;
  readonly messenger: Pick<Messenger, 'hears'>;
  readonly observers: Observers;
  /** How many commands a participant has not answered yet. */
  readonly lagOf: (participant: string) => number;
}

export class ParticipantRegistry {
  readonly #known = new Map<string, Known>();
  /** By name the announcement whose schemas were last found to compile, as text. */
  readonly #compiled = new Map<string, string>();
  readonly #listening: Listening;
  readonly #observer: ParticipantObserver;

  constructor(private readonly ports: RegistryPorts) {
    this.#listening = new Listening(ports.clock, () => ports.messenger.hears);
    this.#observer = new ParticipantObserver(ports.clock, this.#listening);
  }

  /** Listens for silence as well, from now on. */
  start(): void {
    this.#listening.start();
  }

  stop(): void {
    this.#listening.stop();
  }

  /** Takes up a descriptor from the ledger. */
  register(record: ParticipantRecord): void {
    const { name, isolation, operations } = record;
    this.#known.set(name, { record, text: textOf({ name, isolation, operations }), validators: new Map() });
  }

  /**
   * Notes a heartbeat.
   * @returns `announcement`: the descriptor to propose when it differs from the ledger's; `returned`: whether an
   * instance spoke for the first time or after a silence, so that what waits for the participant is worth sending again
   * @throws Error when a schema in the announcement does not compile
   */
  heard(heartbeat: Heartbeat): { announcement: ParticipantDescriptor | undefined; returned: boolean } {
    const returned = this.#observer.heard(heartbeat);
    return { announcement: this.#announcementOf(heartbeat), returned };
  }

  /** What this replica tells the others. */
  observation(): Observation {
    return this.#observer.observation(this.#known.keys());
  }

  /** @throws ConcordatError participant-unknown, operation-unknown, input-invalid, participant-unavailable */
  check({ participant, operation, input }: BranchRequest): ParticipantRecord {
    const known = this.#known.get(participant);
    if (!known) {
      throw new ConcordatError('participant-unknown', `No participant is called ${JSON.stringify(participant)}.`, {
        participant,
      });
    }
    const issues = issuesOf(input, this.#validator(known, operation));
    if (issues.length > 0) {
      throw new ConcordatError('input-invalid', `The input does not match ${participant}/${operation}.`, {
        participant,
        operation,
        issues,
      });
    }
    if (this.#isDown(participant, this.#observer.hearing(participant))) {
      throw new ConcordatError('participant-unavailable', `${participant} sends no heartbeats.`, {
        participant,
        retryAfterMs: HEARTBEAT_INTERVAL_MS, // how soon one that is back is heard
      });
    }
    return known.record;
  }

  views(): ParticipantView[] {
    return [...this.#known.values()].map(({ record }) => this.#view(record));
  }

  /** @throws ConcordatError participant-not-found */
  view(name: string): ParticipantView {
    const known = this.#known.get(name);
    if (!known) throw new ConcordatError('participant-not-found', `No participant is called ${JSON.stringify(name)}.`);
    return this.#view(known.record);
  }

  #announcementOf(heartbeat: Heartbeat): ParticipantDescriptor | undefined {
    const { participant: name, isolation, operations } = heartbeat;
    const descriptor = { name, isolation, operations };
    const text = textOf(descriptor);
    // Announced until the ledger has it: a proposal may be lost with its leader, or come before there is one.
    if (text === this.#known.get(name)?.text) return undefined;
    if (text !== this.#compiled.get(name)) {
      const ajv = compiler();
      for (const operation of operations) ajv.compile(operation.inputSchema);
      this.#compiled.set(name, text);
    }
    return descriptor;
  }

  #validator(known: Known, operation: string): ValidateFunction {
    const compiled = known.validators.get(operation);
    if (compiled) return compiled;
    const descriptor = known.record.operations.find(({ name }) => name === operation);
    if (!descriptor) {
      throw new ConcordatError(
        'operation-unknown',
        `${known.record.name} has no operation ${JSON.stringify(operation)}.`,
        {
          participant: known.record.name,
          operation,
        },
      );
    }
    const validate = compiler().compile(descriptor.inputSchema);
    known.validators.set(operation, validate);
    return validate;
  }

  /** A goodbye needs no second word: it is not suspected but heard. */
  #isDown(participant: string, own: OwnHearing): boolean {
    return this.#observer.isStopped(participant) || isCondemned(participant, own, this.ports.observers);
  }

  #view({ name, isolation, operations }: ParticipantRecord): ParticipantView {
    const own = this.#observer.hearing(name);
    const observers = wordsOn(name, own, this.ports.observers);
    const knownAlive = observers.some(({ word }) => word === 'alive');
    return {
      name,
      isolation,
      operations,
      health: this.#isDown(name, own) ? 'down' : knownAlive ? 'up' : 'unknown',
      suspicion: own.suspicion,
      observers,
      ...this.#observer.vitals(name),
      lag: this.ports.lagOf(name),
    };
  }
}

const textOf = (descriptor: ParticipantDescriptor): string => JSON.stringify(descriptor);

function issuesOf(input: unknown, validate: ValidateFunction): { path: string; message: string }[] {
  if (isNestedTooDeeply(input)) return [{ path: 'input', message: `is nested deeper than ${JSON_DEPTH_MAX}` }];
  if (validate(input)) return [];
  return (validate.errors ?? []).slice(0, 10).map((error) => ({
    path: `input${error.instancePath.replaceAll('/', '.')}`,
    message: error.message ?? 'is not valid',
  }));
}

const compiler = (): Ajv2020 => new Ajv2020({ strict: false, validateFormats: false, allErrors: false });
