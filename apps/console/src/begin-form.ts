/** The form that begins a transaction: what it holds, what is sent, and where an answer's complaints belong. */
import type { BeginRequest, ParticipantList, Problem } from '@concordat/client';
import { type Field, fieldsOf, firstTyped, inputOf, type Typed, typedFrom } from './schema-fields.js';
import { skeletonOf } from './schema-skeleton.js';

export interface BranchForm {
  /** Tells the branches of the form apart. */
  readonly key: number;
  readonly participant: string;
  readonly operation: string;
  /** What the operation's schema asks for; undefined where that is nothing for fields. */
  readonly fields: readonly Field[] | undefined;
  /** Whether the input is typed as JSON, and not into the fields. */
  readonly asJson: boolean;
  readonly typed: Typed;
  /** JSON, as it is typed. */
  readonly json: string;
}

export interface BeginForm {
  readonly label: string;
  readonly timeoutMs: string;
  readonly commit: boolean;
  readonly branches: readonly BranchForm[];
}

/** By field: `label`, `timeoutMs`, `branches.<index>.input` and `branches.<index>.input.<member>`; what belongs to none: `form`. */
export type FieldErrors = Readonly<Record<string, string>>;

/** A branch to begin with: of the participant and the operation that are named, or of the first ones. */
export function branchFor(
  participants: ParticipantList['items'],
  key: number,
  name?: string,
  operationName?: string,
): BranchForm {
  const participant = participants.find((one) => one.name === name) ?? participants[0];
  const operation = participant?.operations.find((one) => one.name === operationName) ?? participant?.operations[0];
  const fields = fieldsOf(operation?.inputSchema);
  return {
    key,
    participant: participant?.name ?? '',
    operation: operation?.name ?? '',
    fields,
    asJson: fields === undefined,
    typed: firstTyped(fields ?? []),
    json: JSON.stringify(skeletonOf(operation?.inputSchema), null, 2),
  };
}

/** From fields to JSON and back. @returns undefined where the JSON says what the fields could not hold */
export function switched(branch: BranchForm): BranchForm | undefined {
  const { fields = [], asJson, typed, json } = branch;
  if (asJson) {
    const read = typedFrom(fields, json);
    return read && { ...branch, asJson: false, typed: read };
  }
  // What cannot be read yet stays away from the JSON, and is not lost: the fields keep it.
  const readable = fields.filter((field) => 'input' in inputOf([field], typed));
  const read = inputOf(readable, typed);
  return { ...branch, asJson: true, json: JSON.stringify('input' in read ? read.input : {}, null, 2) };
}

/** What is sent, or what must be mended first. */
export function requestOf({
  label,
  timeoutMs,
  commit,
  branches,
}: BeginForm): { request: BeginRequest } | { errors: FieldErrors } {
  const errors: Record<string, string> = {};
  const inputs = branches.map((branch, index) => {
    const read = readInput(branch);
    if ('input' in read) return read.input;
    for (const [name, message] of Object.entries(read.errors)) errors[`branches.${index}.input${name}`] = message;
    return undefined;
  });
  if (timeoutMs.trim() !== '' && !/^\d+$/.test(timeoutMs.trim())) errors.timeoutMs = 'A whole number of milliseconds.';
  if (Object.keys(errors).length > 0) return { errors };
  return {
    request: {
      commit,
      ...(label.trim() !== '' && { label: label.trim() }),
      ...(timeoutMs.trim() !== '' && { timeoutMs: Number(timeoutMs) }),
      branches: branches.map(({ participant, operation }, index) => ({ participant, operation, input: inputs[index] })),
    },
  };
}

/** Complaints by what follows the name of the input: nothing, or a point and the member. */
function readInput({ fields, asJson, typed, json }: BranchForm): { input: unknown } | { errors: FieldErrors } {
  if (fields && !asJson) {
    const read = inputOf(fields, typed);
    if ('input' in read) return read;
    return { errors: Object.fromEntries(Object.entries(read.errors).map(([name, message]) => [`.${name}`, message])) };
  }
  try {
    return { input: JSON.parse(json) as unknown };
  } catch (error) {
    return { errors: { '': `This is no JSON: ${(error as Error).message}` } };
  }
}

/** Puts what the coordinator complains of beside the fields that it means. */
export function placeProblem(problem: Problem, { branches }: BeginForm): FieldErrors {
  const errors: Record<string, string> = {};
  const add = (field: string, message: string): void => {
    errors[field] = errors[field] === undefined ? message : `${errors[field]}; ${message}`;
  };
  /** @param path within the branch, as `input.amount` */
  const addToBranch = (index: number, path: string, message: string): void => {
    const branch = branches[index];
    const [, name = ''] = /^input\.([^.]+)$/.exec(path) ?? [];
    const isField = branch?.asJson === false && branch.fields?.some((field) => field.name === name);
    if (isField) add(`branches.${index}.input.${name}`, message);
    else add(`branches.${index}.input`, `${path.replace(/^input\./, '')}: ${message}`);
  };
  // An input that does not fit its schema is named by participant and operation, a malformed request by its path.
  const index = branches.findIndex(
    ({ participant, operation }) =>
      participant === problem.participant && (problem.operation === undefined || operation === problem.operation),
  );
  for (const { path, message } of problem.issues ?? []) {
    const [whole = '', field = ''] = /^body\.(label|timeoutMs|branches\.\d+)/.exec(path) ?? [];
    if (field.startsWith('branches')) {
      addToBranch(Number(field.slice('branches.'.length)), path.slice(whole.length + 1), message);
    } else if (field !== '') add(field, message);
    else if (path.startsWith('input') && index >= 0) addToBranch(index, path, message);
    else add('form', `${path}: ${message}`);
  }
  if (Object.keys(errors).length === 0) add(index >= 0 ? `branches.${index}.input` : 'form', problem.detail);
  return errors;
}
