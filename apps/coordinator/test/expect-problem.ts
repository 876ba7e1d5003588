import { ERRORS, type ErrorCode } from '@concordat/protocol';
import { expect } from '@jest/globals';
import { problemSchema } from '../src/http/schemas.js';
import type { HttpAnswer } from './http-harness.js';

/** Expects the registered problem of a code and returns its body. */
export function expectProblem(response: HttpAnswer, code: ErrorCode): Record<string, unknown> {
  expect({ status: response.status, code: response.json.code, detail: response.json.detail }).toMatchObject({
    status: ERRORS[code].status,
    code,
  });
  expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(problemSchema.parse(response.json)).toMatchObject({
    type: `/docs/errors#${code}`,
    title: ERRORS[code].title,
    status: response.status,
  });
  return response.json;
}
