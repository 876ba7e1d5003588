import type { ParticipantList, Transaction } from '@concordat/client';
import {
  Alert,
  Anchor,
  Button,
  Card,
  Checkbox,
  Code,
  Group,
  JsonInput,
  NativeSelect,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
  Title,
} from '@mantine/core';
import { type FormEvent, useRef, useState } from 'react';
import { Link } from 'wouter';
import { CallFailed, send } from '../api.js';
import {
  type BeginForm,
  type BranchForm,
  branchFor,
  type FieldErrors,
  placeProblem,
  requestOf,
  switched,
} from '../begin-form.js';
import { Loaded, PageHead, Status, Wide } from '../parts.js';
import { SchemaForm } from '../schema-form.js';
import { outcomeOf } from '../transaction-facts.js';
import { usePolled } from '../use-live.js';

type Participants = ParticipantList['items'];
const BRANCHES_MAX = 20;

const byName = (one: Participants[number], other: Participants[number]): number => one.name.localeCompare(other.name);

export function BeginPage() {
  const polled = usePolled<ParticipantList>('/v1/participants', 10_000);
  return (
    <>
      <PageHead title="Begin">A transaction by hand: its branches commit everywhere, or nowhere.</PageHead>
      <Loaded
        polled={polled}
        isEmpty={({ items }) => items.every(({ operations }) => operations.length === 0)}
        empty="No participant has announced an operation yet."
      >
        {({ items }) => <Form participants={items.filter(({ operations }) => operations.length > 0).sort(byName)} />}
      </Loaded>
    </>
  );
}

function Form({ participants }: { readonly participants: Participants }) {
  const keys = useRef(1);
  const [form, setForm] = useState<BeginForm>(() => ({
    label: '',
    timeoutMs: '',
    commit: true,
    branches: [branchFor(participants, 0)],
  }));
  const [errors, setErrors] = useState<FieldErrors>({});
  const [isBusy, setBusy] = useState(false);
  const [made, setMade] = useState<Transaction>();
  const change = (part: Partial<BeginForm>): void => setForm((before) => ({ ...before, ...part }));
  const changeBranch = (branch: BranchForm): void =>
    change({ branches: form.branches.map((one) => (one.key === branch.key ? branch : one)) });
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setMade(undefined);
    const ready = requestOf(form);
    setErrors('errors' in ready ? ready.errors : {});
    if ('errors' in ready) return;
    setBusy(true);
    try {
      setMade(
        await send<Transaction>('POST', '/v1/transactions', ready.request, { 'idempotency-key': crypto.randomUUID() }),
      );
    } catch (error) {
      const problem = error instanceof CallFailed ? error.problem : undefined;
      if (problem?.transaction) setMade(problem.transaction);
      setErrors(
        problem
          ? placeProblem(problem, form)
          : { form: 'No answer came: look among the transactions whether it was made.' },
      );
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <Stack maw={760}>
        {form.branches.map((branch, index) => (
          <Branch
            key={branch.key}
            index={index}
            branch={branch}
            participants={participants}
            errors={errors}
            onChange={changeBranch}
            onRemove={
              form.branches.length > 1
                ? () => change({ branches: form.branches.filter(({ key }) => key !== branch.key) })
                : undefined
            }
          />
        ))}
        <Button
          variant="default"
          style={{ alignSelf: 'flex-start' }}
          disabled={form.branches.length >= BRANCHES_MAX}
          onClick={() => change({ branches: [...form.branches, branchFor(participants, keys.current++)] })}
        >
          Another branch
        </Button>
        <TextInput
          label="Label"
          description="Free text, to find it again"
          value={form.label}
          error={errors.label}
          onChange={(event) => change({ label: event.currentTarget.value })}
        />
        <TextInput
          label="Time until it is aborted, ms"
          description="30,000 when left empty"
          inputMode="numeric"
          value={form.timeoutMs}
          error={errors.timeoutMs}
          onChange={(event) => change({ timeoutMs: event.currentTarget.value })}
        />
        <Checkbox
          label="Commit at once"
          checked={form.commit}
          onChange={(event) => change({ commit: event.currentTarget.checked })}
        />
        {errors.form && (
          <Alert variant="outline" color="red" title="That did not work" role="alert">
            {errors.form}
          </Alert>
        )}
        {made && <Made transaction={made} />}
        <Button type="submit" loading={isBusy} style={{ alignSelf: 'flex-start' }}>
          {form.commit ? 'Begin and commit' : 'Begin'}
        </Button>
      </Stack>
    </form>
  );
}

const Made = ({ transaction }: { readonly transaction: Transaction }) => (
  <Card withBorder padding="sm" role="status">
    <Group>
      <Status of={outcomeOf(transaction)} />
      <Anchor component={Link} href={`/transactions/${transaction.id}`} className="id" underline="always">
        {transaction.id}
      </Anchor>
    </Group>
  </Card>
);

function Branch({
  index,
  branch,
  participants,
  errors,
  onChange,
  onRemove,
}: {
  readonly index: number;
  readonly branch: BranchForm;
  readonly participants: Participants;
  readonly errors: FieldErrors;
  readonly onChange: (branch: BranchForm) => void;
  readonly onRemove: (() => void) | undefined;
}) {
  const operations = participants.find(({ name }) => name === branch.participant)?.operations ?? [];
  const schema = operations.find(({ name }) => name === branch.operation)?.inputSchema;
  return (
    <Card withBorder padding="sm" component="fieldset" m={0} aria-label={`Branch ${index + 1}`}>
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h5">
          Branch {index + 1}
        </Title>
        {onRemove && (
          <Button size="xs" variant="default" onClick={onRemove} aria-label={`Remove branch ${index + 1}`}>
            Remove
          </Button>
        )}
      </Group>
      <Stack gap="xs">
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
          <NativeSelect
            label="Participant"
            data={participants.map(({ name, health }) => ({
              value: name,
              label: health === 'down' ? `${name} (down)` : name,
            }))}
            value={branch.participant}
            onChange={(event) => onChange(branchFor(participants, branch.key, event.currentTarget.value))}
          />
          <NativeSelect
            label="Operation"
            data={operations.map(({ name }) => name)}
            value={branch.operation}
            onChange={(event) =>
              onChange(branchFor(participants, branch.key, branch.participant, event.currentTarget.value))
            }
          />
        </SimpleGrid>
        <Input branch={branch} at={`branches.${index}.input`} errors={errors} onChange={onChange} />
        <details>
          <summary>
            <Text span size="sm">
              Its JSON Schema
            </Text>
          </summary>
          <Wide label={`Schema of branch ${index + 1}`}>
            <Code block>{JSON.stringify(schema, null, 2)}</Code>
          </Wide>
        </details>
      </Stack>
    </Card>
  );
}

/** The fields that the schema asks for, or JSON as it is typed. */
function Input({
  branch,
  at,
  errors,
  onChange,
}: {
  readonly branch: BranchForm;
  readonly at: string;
  readonly errors: FieldErrors;
  readonly onChange: (branch: BranchForm) => void;
}) {
  const { fields, asJson, typed, json } = branch;
  const other = switched(branch);
  return (
    <>
      {fields && !asJson ? (
        <>
          <SchemaForm
            fields={fields}
            typed={typed}
            errorOf={(name) => errors[`${at}.${name}`]}
            onChange={(next) => onChange({ ...branch, typed: next })}
          />
          {errors[at] && (
            <Text c="var(--mantine-color-error)" size="sm" role="alert">
              {errors[at]}
            </Text>
          )}
        </>
      ) : (
        <JsonInput
          label="Input"
          description="JSON"
          autosize
          minRows={3}
          value={json}
          error={errors[at]}
          onChange={(next) => onChange({ ...branch, json: next })}
        />
      )}
      {fields && (
        <Group gap="xs">
          <Button size="xs" variant="default" disabled={!other} onClick={() => other && onChange(other)}>
            {asJson ? 'Fill in fields' : 'Type it as JSON'}
          </Button>
          {!other && (
            <Text size="sm" c="dimmed">
              This JSON does not fit into the fields.
            </Text>
          )}
        </Group>
      )}
    </>
  );
}
