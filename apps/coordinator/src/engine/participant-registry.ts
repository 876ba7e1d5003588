/**
 * What the coordinator knows of participants: their descriptors (replicated, from the ledger) and their health
 * (volatile, from heartbeats). Checks operations and inputs at enlistment.
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

/** A participant is called down after this long without a heartbeat, in ms. */
const DOWN_AFTER_MS = 5 * HEARTBEAT_INTERVAL_MS;
/** Instances kept per participant; the least recently heard makes room. */
const INSTANCES_MAX = 64;

interface Health {
  readonly instances: Map<string, Heartbeat & { readonly heardAt: number }>;
  /** The announcement whose schemas were last found to compile, as text. */
  compiled: string;
}

interface Known {
  readonly record: ParticipantRecord;
  /** The descriptor as text, so that an unchanged announcement costs one comparison. */
  readonly text: string;
  readonly validators: Map<string, ValidateFunction>;
}

export class ParticipantRegistry {
  readonly #known = new Map<string, Known>();
  readonly #health = new Map<string, Health>();

  /** @param lagOf how many commands a participant has not answered yet */
  constructor(private readonly lagOf: (participant: string) => number) {}

  /** Takes up a descriptor from the ledger. */
  register(record: ParticipantRecord): void {
    const { name, isolation, operations } = record;
    this.#known.set(name, { record, text: textOf({ name, isolation, operations }), validators: new Map() });
  }

  /**
   * Notes a heartbeat.
   * @returns `announcement`: the descriptor to propose when it differs from the ledger's; `returned`: whether an
   * instance spoke for the first time, so that what waits for the participant is worth sending again
   * @throws Error when a schema in the announcement does not compile
   */
  heard(heartbeat: Heartbeat, now: number): { announcement: ParticipantDescriptor | undefined; returned: boolean } {
    const name = heartbeat.participant;
    let health = this.#health.get(name);
    if (!health) {
      health = { instances: new Map(), compiled: '' };
      this.#health.set(name, health);
    }
    const returned = !health.instances.has(heartbeat.instance) && !heartbeat.stopping;
    health.instances.delete(heartbeat.instance);
    if (!heartbeat.stopping) health.instances.set(heartbeat.instance, { ...heartbeat, heardAt: now });
    if (health.instances.size > INSTANCES_MAX) health.instances.delete(health.instances.keys().next().value as string);
    for (const [instance, { heardAt }] of health.instances) {
      if (now - heardAt > 12 * DOWN_AFTER_MS) health.instances.delete(instance);
    }
    return { announcement: this.#announcementOf(heartbeat, health), returned };
  }

  /** @throws ConcordatError participant-unknown, operation-unknown, input-invalid */
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
    return known.record;
  }

  views(now: number): ParticipantView[] {
    return [...this.#known.values()].map(({ record }) => this.#view(record, now));
  }

  /** @throws ConcordatError participant-not-found */
  view(name: string, now: number): ParticipantView {
    const known = this.#known.get(name);
    if (!known) throw new ConcordatError('participant-not-found', `No participant is called ${JSON.stringify(name)}.`);
    return this.#view(known.record, now);
  }

  #announcementOf(heartbeat: Heartbeat, health: Health): ParticipantDescriptor | undefined {
    const { participant: name, isolation, operations } = heartbeat;
    const descriptor = { name, isolation, operations };
    const text = textOf(descriptor);
    // Announced until the ledger has it: a proposal may be lost with its leader, or come before there is one.
    if (text === this.#known.get(name)?.text) return undefined;
    if (text !== health.compiled) {
      const ajv = compiler();
      for (const operation of operations) ajv.compile(operation.inputSchema);
      health.compiled = text;
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

  #view(record: ParticipantRecord, now: number): ParticipantView {
    const all = [...(this.#health.get(record.name)?.instances.values() ?? [])];
    const up = all.filter(({ heardAt }) => now - heardAt <= DOWN_AFTER_MS);
    const ages = up.flatMap(({ oldestPreparedMs }) => (oldestPreparedMs === null ? [] : [oldestPreparedMs]));
    return {
      name: record.name,
      isolation: record.isolation,
      operations: record.operations,
      health: up.length > 0 ? 'up' : 'down',
      instances: up.length,
      lastHeartbeatAt: all.length > 0 ? Math.max(...all.map(({ heardAt }) => heardAt)) : null,
      preparedCount: Math.max(0, ...up.map(({ preparedCount }) => preparedCount)),
      oldestInDoubtMs: ages.length > 0 ? Math.max(...ages) : null,
      lag: this.lagOf(record.name),
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
