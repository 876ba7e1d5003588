import { describe, expect, it } from '@jest/globals';
import { type BeginForm, type BranchForm, branchFor, placeProblem, requestOf, switched } from './begin-form.js';

const inputSchema = {
  type: 'object',
  properties: { account: { type: 'string', minLength: 1 }, amount: { type: 'integer', exclusiveMinimum: 0 } },
  required: ['account', 'amount'],
};
const participant = (name: string, operation: string, schema: object) => ({
  name,
  isolation: 'global' as const,
  health: 'up' as const,
  suspicion: 0,
  observers: [],
  instances: 1,
  lastHeartbeatAt: null,
  lag: 0,
  preparedCount: 0,
  oldestInDoubtMs: null,
  operations: [{ name: operation, readOnly: false, inputSchema: schema as Record<string, unknown>, resultSchema: {} }],
});
const participants = [participant('east', 'debit', inputSchema), participant('west', 'credit', { type: 'array' })];
const east: BranchForm = { ...branchFor(participants, 1), typed: { account: 'alice', amount: '1' } };
const west: BranchForm = branchFor(participants, 2, 'west');
const form: BeginForm = { label: ' a transfer ', timeoutMs: '', commit: true, branches: [east, west] };

const problem = (members: object) => ({
  type: '',
  title: '',
  status: 422,
  detail: 'No.',
  instance: '',
  code: 'input-invalid' as const,
  retryable: false,
  ...members,
});

describe('the form that begins a transaction', () => {
  it('makes a request of what is typed, and leaves out what is not', () => {
    expect([east.asJson, west.asJson]).toEqual([false, true]); // an array is nothing for fields
    expect(requestOf(form)).toEqual({
      request: {
        commit: true,
        label: 'a transfer',
        branches: [
          { participant: 'east', operation: 'debit', input: { account: 'alice', amount: 1 } },
          { participant: 'west', operation: 'credit', input: [] },
        ],
      },
    });
  });

  it('tells what is wrong at its field, before anything is sent', () => {
    const branches = [
      { ...east, typed: { amount: '0' } },
      { ...west, json: '{' },
    ];
    const wrong = requestOf({ ...form, timeoutMs: 'soon', branches }) as { errors: object };
    expect(Object.keys(wrong.errors)).toEqual([
      'branches.0.input.account',
      'branches.0.input.amount',
      'branches.1.input',
      'timeoutMs',
    ]);
  });

  it('goes from fields to JSON and back, and stays with JSON that says what no field holds', () => {
    const asJson = switched(east) as BranchForm;
    expect(JSON.parse(asJson.json)).toEqual({ account: 'alice', amount: 1 });
    expect(switched({ ...asJson, json: '{"account":"bob"}' })).toMatchObject({
      asJson: false,
      typed: { account: 'bob' },
    });
    expect(switched({ ...asJson, json: '{"more":1}' })).toBeUndefined();
    const halfTyped = switched({ ...east, typed: { account: 'alice', amount: 'x' } }) as BranchForm;
    expect(JSON.parse(halfTyped.json)).toEqual({ account: 'alice' });
  });

  it('places an input that does not fit its schema at its field, or at its branch where there is none', () => {
    const issues = [
      { path: 'input.amount', message: 'must be > 0' },
      { path: 'input', message: 'must have more' },
    ];
    const meant = { participant: 'east', operation: 'debit', issues };
    expect(placeProblem(problem(meant), form)).toEqual({
      'branches.0.input.amount': 'must be > 0',
      'branches.0.input': 'input: must have more',
    });
    const asJson = { ...form, branches: [switched(east) as BranchForm] };
    expect(placeProblem(problem({ ...meant, issues: issues.slice(0, 1) }), asJson)).toEqual({
      'branches.0.input': 'amount: must be > 0',
    });
  });

  it('places what is malformed at its field', () => {
    const issues = [
      { path: 'body.label', message: 'too long' },
      { path: 'body.branches.1.input', message: 'too deep' },
      { path: 'body.branches.0.input.account', message: 'too odd' },
      { path: 'body.isolation', message: 'unknown' },
    ];
    expect(placeProblem(problem({ issues }), form)).toEqual({
      label: 'too long',
      'branches.1.input': 'input: too deep',
      'branches.0.input.account': 'too odd',
      form: 'body.isolation: unknown',
    });
  });

  it('keeps what belongs to no field, and puts a participant that is down at its branch', () => {
    expect(placeProblem(problem({}), form)).toEqual({ form: 'No.' });
    expect(placeProblem(problem({ participant: 'east' }), form)).toEqual({ 'branches.0.input': 'No.' });
  });
});
