/** The fields of an input, as its JSON Schema asks for them. */
import { JsonInput, NativeSelect, Stack, TextInput } from '@mantine/core';
import type { Field, Typed } from './schema-fields.js';

export const SchemaForm = ({
  fields,
  typed,
  errorOf,
  onChange,
}: {
  readonly fields: readonly Field[];
  readonly typed: Typed;
  readonly errorOf: (name: string) => string | undefined;
  readonly onChange: (typed: Typed) => void;
}) => (
  <Stack gap="xs">
    {fields.map((field) => (
      <OneField
        key={field.name}
        field={field}
        value={typed[field.name] ?? ''}
        error={errorOf(field.name)}
        onChange={(value) => onChange({ ...typed, [field.name]: value })}
      />
    ))}
  </Stack>
);

function OneField({
  field: { name, kind, required, description, choices },
  value,
  error,
  onChange,
}: {
  readonly field: Field;
  readonly value: string;
  readonly error: string | undefined;
  readonly onChange: (value: string) => void;
}) {
  const common = { label: name, description, required, value, error };
  if (choices.length > 0) {
    const data = [...(required ? [] : [{ value: '', label: 'not given' }]), ...choices];
    return <NativeSelect {...common} data={data} onChange={(event) => onChange(event.currentTarget.value)} />;
  }
  if (kind === 'json') return <JsonInput {...common} autosize minRows={2} onChange={onChange} />;
  return (
    <TextInput
      {...common}
      autoComplete="off"
      inputMode={kind === 'whole' ? 'numeric' : kind === 'number' ? 'decimal' : 'text'}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
