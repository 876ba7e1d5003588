import type { ParticipantList, TransactionList } from '@concordat/client';
import { Anchor, Button, Group, NativeSelect, Table, Text, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { Link, useLocation, useSearchParams } from 'wouter';
import { durationText, timeText } from '../format.js';
import { Loaded, PageHead, Status, Wide } from '../parts.js';
import { outcomeOf, takenMs } from '../transaction-facts.js';
import { usePolled } from '../use-live.js';

const PAGE_SIZE = 25;
const EVERY_MS = 2_000;
const STATUSES = ['', 'active', 'preparing', 'committed', 'aborted', 'completed'];
/** `<incarnation>-<term>-<sequence>`, each in base 36. */
const ID = /^[0-9a-z]+-[0-9a-z]+-[0-9a-z]+$/;

interface Filter {
  readonly label: string;
  readonly status: string;
  readonly participant: string;
}

/** It stands in the address of the page: to be kept, sent to somebody, and gone back to. */
function useFilter(): { readonly filter: Filter; readonly setFilter: (filter: Filter) => void } {
  const [parameters, setParameters] = useSearchParams();
  const given = (name: string): string => parameters.get(name) ?? '';
  const filter = { label: given('label'), status: given('status'), participant: given('participant') };
  const setFilter = (next: Filter): void =>
    setParameters(new URLSearchParams(Object.entries(next).filter(([, value]) => value !== '')));
  return { filter, setFilter };
}

export function TransactionsPage() {
  const [, navigate] = useLocation();
  const { filter, setFilter } = useFilter();
  const [search, setSearch] = useState(filter.label);
  /** Where each page that was seen begins; the last one is shown. */
  const [cursors, setCursors] = useState<readonly string[]>(['']);
  const cursor = cursors.at(-1) ?? '';
  const query = new URLSearchParams({ limit: String(PAGE_SIZE) });
  for (const [name, value] of Object.entries({ ...filter, cursor })) if (value !== '') query.set(name, value);
  const polled = usePolled<TransactionList>(`/v1/transactions?${query}`, EVERY_MS);
  const participants = usePolled<ParticipantList>('/v1/participants', 30_000);

  const narrow = (part: Partial<typeof filter>): void => {
    setCursors(['']);
    setFilter({ ...filter, ...part });
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const wanted = search.trim();
    if (ID.test(wanted)) navigate(`/transactions/${wanted}`);
    else narrow({ label: wanted });
  };
  const isNarrowed = Object.values(filter).some((value) => value !== '');
  return (
    <>
      <PageHead title="Transactions">
        Newest first; read again every two seconds. A whole id leads to its transaction, a whole label to those that
        have it.
      </PageHead>
      <form onSubmit={submit}>
        <Group align="flex-end" gap="sm" mb="md">
          <TextInput
            label="Id or label"
            placeholder="the whole of it"
            value={search}
            onChange={(event) => setSearch(event.currentTarget.value)}
            flex="1 1 14rem"
          />
          <NativeSelect
            label="Status"
            value={filter.status}
            onChange={(event) => narrow({ status: event.currentTarget.value })}
            data={STATUSES.map((value) => ({ value, label: value || 'any' }))}
          />
          <NativeSelect
            label="Participant"
            value={filter.participant}
            onChange={(event) => narrow({ participant: event.currentTarget.value })}
            data={[
              { value: '', label: 'any' },
              ...(participants.data?.items ?? []).map(({ name }) => ({ value: name, label: name })),
            ]}
          />
          <Button type="submit">Search</Button>
          {isNarrowed && (
            <Button
              variant="default"
              onClick={() => {
                setSearch('');
                narrow({ label: '', status: '', participant: '' });
              }}
            >
              Clear
            </Button>
          )}
        </Group>
      </form>
      <Loaded
        polled={polled}
        isEmpty={({ items }) => items.length === 0}
        empty={
          isNarrowed ? 'No transaction is like that.' : 'There are no transactions yet. Begin one on the page Begin.'
        }
      >
        {({ items, nextCursor }) => (
          <>
            <Wide label="Transactions">
              <Table striped highlightOnHover miw={900}>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Id</Table.Th>
                    <Table.Th>Label</Table.Th>
                    <Table.Th>Outcome</Table.Th>
                    <Table.Th>Status</Table.Th>
                    <Table.Th>Participants</Table.Th>
                    <Table.Th>Begun</Table.Th>
                    <Table.Th ta="right">Settled in</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {items.map((one) => (
                    <Table.Tr key={one.id}>
                      <Table.Td>
                        <Anchor component={Link} href={`/transactions/${one.id}`} className="id" underline="always">
                          {one.id}
                        </Anchor>
                      </Table.Td>
                      <Table.Td maw={200}>{one.label ?? '–'}</Table.Td>
                      <Table.Td>
                        <Status of={outcomeOf(one)} />
                      </Table.Td>
                      <Table.Td>{one.status}</Table.Td>
                      <Table.Td>
                        {[...new Set(one.branches.map(({ participant }) => participant))].join(', ') || '–'}
                      </Table.Td>
                      <Table.Td className="figure">{timeText(one.createdAt)}</Table.Td>
                      <Table.Td ta="right" className="figure">
                        {durationText(takenMs(one))}
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Wide>
            <Group mt="md" justify="space-between">
              <Text size="sm" c="dimmed">
                Page {cursors.length}
              </Text>
              <Group gap="xs">
                <Button
                  variant="default"
                  disabled={cursors.length === 1}
                  onClick={() => setCursors(cursors.slice(0, -1))}
                >
                  Newer
                </Button>
                <Button
                  variant="default"
                  disabled={nextCursor === null}
                  onClick={() => nextCursor && setCursors([...cursors, nextCursor])}
                >
                  Older
                </Button>
              </Group>
            </Group>
          </>
        )}
      </Loaded>
    </>
  );
}
