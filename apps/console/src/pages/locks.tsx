import type { LockList } from '@concordat/client';
import { Button, Group, Table, Text, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { durationText, timeText } from '../format.js';
import { Loaded, PageHead, Wide } from '../parts.js';
import { usePolled } from '../use-live.js';

const EVERY_MS = 2_000;

export function LocksPage() {
  const [text, setText] = useState('');
  const [prefix, setPrefix] = useState('');
  const [cursors, setCursors] = useState<readonly string[]>(['']);
  const query = new URLSearchParams({ limit: '50' });
  if (prefix !== '') query.set('prefix', prefix);
  if (cursors.at(-1)) query.set('cursor', cursors.at(-1) as string);
  const polled = usePolled<LockList>(`/v1/locks?${query}`, EVERY_MS);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setCursors(['']);
    setPrefix(text.trim());
  };
  return (
    <>
      <PageHead title="Locks">Leases that are held now; one that nobody renews ends by itself.</PageHead>
      <form onSubmit={submit}>
        <Group align="flex-end" mb="md">
          <TextInput label="Name begins with" value={text} onChange={(event) => setText(event.currentTarget.value)} />
          <Button type="submit">Search</Button>
        </Group>
      </form>
      <Loaded
        polled={polled}
        isEmpty={({ items }) => items.length === 0}
        empty={prefix === '' ? 'No lock is held.' : 'No lock that is held is called like that.'}
      >
        {({ items, nextCursor }) => (
          <>
            <Wide label="Locks">
              <Table striped miw={760}>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Lock</Table.Th>
                    <Table.Th>Mode</Table.Th>
                    <Table.Th>Held by</Table.Th>
                    <Table.Th ta="right">Fencing token</Table.Th>
                    <Table.Th ta="right">Left at least</Table.Th>
                    <Table.Th>Since</Table.Th>
                    <Table.Th ta="right">Waiting</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {items.flatMap(({ name, mode, holders, waiting }) =>
                    holders.map((holder, index) => (
                      <Table.Tr key={`${name} ${holder.fencingToken}`}>
                        <Table.Td>
                          {index === 0 ? (
                            name
                          ) : (
                            <Text span inherit c="dimmed">
                              {name}
                            </Text>
                          )}
                        </Table.Td>
                        <Table.Td>{mode}</Table.Td>
                        <Table.Td>{holder.owner}</Table.Td>
                        <Table.Td ta="right" className="figure">
                          {holder.fencingToken}
                        </Table.Td>
                        <Table.Td ta="right" className="figure">
                          {durationText(holder.ttlRemainingMs)} of {durationText(holder.ttlMs)}
                        </Table.Td>
                        <Table.Td className="figure">{timeText(holder.grantedAt)}</Table.Td>
                        <Table.Td ta="right">{index === 0 ? (waiting ?? '–') : ''}</Table.Td>
                      </Table.Tr>
                    )),
                  )}
                </Table.Tbody>
              </Table>
            </Wide>
            <Group mt="md" justify="flex-end" gap="xs">
              <Button
                variant="default"
                disabled={cursors.length === 1}
                onClick={() => setCursors(cursors.slice(0, -1))}
              >
                Back
              </Button>
              <Button
                variant="default"
                disabled={nextCursor === null}
                onClick={() => nextCursor && setCursors([...cursors, nextCursor])}
              >
                More
              </Button>
            </Group>
          </>
        )}
      </Loaded>
    </>
  );
}
