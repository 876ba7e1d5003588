import { describe, expect, it } from '@jest/globals';
import { type BeginForm, placeProblem, requestOf } from './begin-form.js';

const form: BeginForm = {
  label: ' a transfer ',
  timeoutMs: '',
  commit: true,
  branches: [
    { key: 1, participant: 'east', operation: 'debit', input: '{"amount":1}' },
    { key: 2, participant: 'west', operation: 'credit', input: '{}' },
  ],
};
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
    expect(requestOf(form)).toEqual({
      request: {
        commit: true,
        label: 'a transfer',
        branches: [
          { participant: 'east', operation: 'debit', input: { amount: 1 } },
          { participant: 'west', operation: 'credit', input: {} },
        ],
      },
    });
  });

  it('tells of what is no JSON, and of a time that is none, before anything is sent', () => {
    const [first] = form.branches as [BeginForm['branches'][number]];
    const wrong = requestOf({ ...form, timeoutMs: 'soon', branches: [first, { ...first, input: '{' }] });
    expect(Object.keys((wrong as { errors: object }).errors)).toEqual(['branches.1.input', 'timeoutMs']);
  });

  it('places an input that does not fit its schema at its branch', () => {
    const issues = [{ path: 'input.amount', message: 'must be > 0' }];
    expect(placeProblem(problem({ participant: 'west', operation: 'credit', issues }), form)).toEqual({
      'branches.1.input': 'amount: must be > 0',
    });
  });

  it('places what is malformed at its field', () => {
    const issues = [
      { path: 'body.label', message: 'too long' },
      { path: 'body.branches.1.input', message: 'too deep' },
      { path: 'body.isolation', message: 'unknown' },
    ];
    expect(placeProblem(problem({ issues }), form)).toEqual({
      label: 'too long',
      'branches.1.input': 'input: too deep',
      form: 'body.isolation: unknown',
    });
  });

  it('keeps what belongs to no field, and puts a participant that is down at its branch', () => {
    expect(placeProblem(problem({}), form)).toEqual({ form: 'No.' });
    expect(placeProblem(problem({ participant: 'east' }), form)).toEqual({ 'branches.0.input': 'No.' });
  });
});
