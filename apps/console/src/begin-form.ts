/** The form that begins a transaction: what it holds, what is sent, and where an answer's complaints belong. */
import type { BeginRequest, Problem } from '@concordat/client';

export interface BranchForm {
  /** Tells the branches of the form apart. */
  readonly key: number;
  readonly participant: string;
  readonly operation: string;
  /** JSON, as it is typed. */
  readonly input: string;
}

export interface BeginForm {
  readonly label: string;
  readonly timeoutMs: string;
  readonly commit: boolean;
  readonly branches: readonly BranchForm[];
}

/** By field: `label`, `timeoutMs`, `branches.<index>.input`; what belongs to none stands under `form`. */
export type FieldErrors = Readonly<Record<string, string>>;

/** What is sent, or what must be mended first. */
export function requestOf({
  label,
  timeoutMs,
  commit,
  branches,
}: BeginForm): { request: BeginRequest } | { errors: FieldErrors } {
  const errors: Record<string, string> = {};
  const inputs = branches.map(({ input }, index) => {
    try {
      return JSON.parse(input) as unknown;
    } catch (error) {
      errors[`branches.${index}.input`] = `This is no JSON: ${(error as Error).message}`;
      return undefined;
    }
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

/** Puts what the coordinator complains of beside the fields that it means. */
export function placeProblem(problem: Problem, { branches }: BeginForm): FieldErrors {
  const errors: Record<string, string> = {};
  const add = (field: string, message: string): void => {
    errors[field] = errors[field] === undefined ? message : `${errors[field]}; ${message}`;
  };
  // An input that does not fit its schema is named by participant and operation, a malformed request by its path.
  const index = branches.findIndex(
    ({ participant, operation }) =>
      participant === problem.participant && (problem.operation === undefined || operation === problem.operation),
  );
  for (const { path, message } of problem.issues ?? []) {
    const [, field = ''] = /^body\.(label|timeoutMs|branches\.\d+)/.exec(path) ?? [];
    if (field.startsWith('branches')) add(`${field}.input`, `${path.slice(`body.${field}.`.length)}: ${message}`);
    else if (field !== '') add(field, message);
    else if (path.startsWith('input') && index >= 0) {
      add(`branches.${index}.input`, `${path.slice('input.'.length) || 'input'}: ${message}`);
    } else add('form', `${path}: ${message}`);
  }
  if (Object.keys(errors).length === 0) add(index >= 0 ? `branches.${index}.input` : 'form', problem.detail);
  return errors;
}
