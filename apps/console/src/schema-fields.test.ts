import { describe, expect, it } from '@jest/globals';
import { fieldsOf, firstTyped, inputOf, typedFrom } from './schema-fields.js';

const MOVEMENT = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  properties: {
    account: { type: 'string', minLength: 1, maxLength: 5, description: 'Name of an account.' },
    amount: { type: 'integer', exclusiveMinimum: 0, maximum: Number.MAX_SAFE_INTEGER },
    rate: { type: 'number', minimum: 0, maximum: 1 },
    kind: { enum: ['one', 'two'] },
    urgent: { type: 'boolean' },
    note: { type: 'string' },
    parts: { type: 'array', items: { type: 'integer' } },
  },
  required: ['account', 'amount', 'kind', 'note', 'parts'],
  additionalProperties: false,
};
const fields = fieldsOf(MOVEMENT) ?? [];
const GOOD = { account: 'alice', amount: '5', kind: 'two', parts: '[1]' };

describe('the fields of a form', () => {
  it('are made of the members of the schema, with what it says of them', () => {
    expect(fields.map(({ name, kind, required }) => `${name} ${kind}${required ? ' *' : ''}`)).toEqual([
      'account text *',
      'amount whole *',
      'rate number',
      'kind choice *',
      'urgent boolean',
      'note text *',
      'parts json *',
    ]);
    expect(fields.map(({ description }) => description).slice(0, 3)).toEqual([
      'Name of an account. At most 5 characters.',
      'A whole number, above 0.',
      'A number, at least 0, at most 1.',
    ]);
  });

  it.each([[undefined], [{ type: 'string' }], [{ type: 'object' }], [{ ...MOVEMENT, oneOf: [] }]])(
    'are not made of what is no plain object: %j',
    (schema) => {
      expect(fieldsOf(schema)).toBeUndefined();
    },
  );

  it('begin with defaults, the first choice, and skeletons of what is deep', () => {
    expect(firstTyped(fields)).toEqual({ kind: 'one', parts: '[]' });
    const withDefault = fieldsOf({ properties: { count: { type: 'integer', default: 3 }, fixed: { const: 'x' } } });
    expect(firstTyped(withDefault ?? [])).toEqual({ count: '3', fixed: '"x"' });
  });

  it('give an input of the right types, without what is left empty', () => {
    expect(inputOf(fields, { ...GOOD, urgent: 'false', rate: '0.5' })).toEqual({
      input: { account: 'alice', amount: 5, rate: 0.5, kind: 'two', urgent: false, note: '', parts: [1] },
    });
    expect(inputOf(fields, GOOD)).toMatchObject({ input: { amount: 5 } });
  });

  it.each([
    ['account', '', 'This is needed.'],
    ['account', 'too long', 'At most 5 characters, not 8.'],
    ['amount', '0', 'Above 0.'],
    ['amount', '1.5', 'A whole number is needed.'],
    ['amount', 'ten', 'This is no number.'],
    ['amount', '0x10', 'This is no number.'],
    ['amount', '9007199254740993', 'too large'],
    ['rate', '2', 'At most 1.'],
    ['rate', '-0.1', 'At least 0.'],
    ['parts', '[', 'This is no JSON'],
  ])('complain at %s of %j', (name, text, message) => {
    const read = inputOf(fields, { ...GOOD, [name]: text });
    expect(read).toEqual({ errors: { [name]: expect.stringContaining(message) } });
  });

  it('are filled from JSON again, unless it says what no field holds', () => {
    const typed = { ...GOOD, urgent: 'true', note: '' };
    const { input } = inputOf(fields, typed) as { input: object };
    expect(inputOf(fields, typedFrom(fields, JSON.stringify(input)) ?? {})).toEqual({ input });
    expect(typedFrom(fields, '{ "stranger": 1 }')).toBeUndefined();
    expect(typedFrom(fields, '[]')).toBeUndefined();
    expect(typedFrom(fields, '{')).toBeUndefined();
  });
});
