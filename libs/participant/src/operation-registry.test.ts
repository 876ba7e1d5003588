import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { OperationRegistry, type RegisteredOperation } from './operation-registry.js';

const operation = (name: string, further: Partial<RegisteredOperation> = {}): RegisteredOperation => ({
  name,
  source: `Service.${name}`,
  options: { input: z.object({ amount: z.int().positive() }) },
  handle: async () => null,
  ...further,
});

describe('the registry of operations', () => {
  it('announces each with the JSON Schema of its input and result', () => {
    const options = { input: z.object({ amount: z.int().positive() }), result: z.string(), readOnly: true };
    const { descriptors } = new OperationRegistry([operation('debit'), operation('look', { options })]);
    expect(descriptors).toMatchObject([
      { name: 'debit', readOnly: false, inputSchema: { type: 'object', required: ['amount'] }, resultSchema: {} },
      { name: 'look', readOnly: true, resultSchema: { type: 'string' } },
    ]);
  });

  it.each([
    [
      'two handlers',
      [operation('debit'), operation('debit', { source: 'Other.debit' })],
      /Service.debit and Other.debit/,
    ],
    ['a name that fits into no topic', [operation('Debit_1')], /no operation name/],
    ['no operation at all', [], /no operations/],
    ['a schema without a JSON Schema', [operation('debit', { options: { input: z.date() } })], /no JSON Schema/],
  ])('refuses %s', (_case, operations, message) => {
    expect(() => new OperationRegistry(operations)).toThrow(message);
  });
});
