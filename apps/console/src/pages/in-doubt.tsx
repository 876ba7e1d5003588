import type { InDoubt, OperatorActions } from '@concordat/client';
import { Anchor, Group, Stack, Table, Text, Textarea, Title } from '@mantine/core';
import { useState } from 'react';
import { Link } from 'wouter';
import { send } from '../api.js';
import { durationText, timeText } from '../format.js';
import { ConfirmedButton, Empty, Loaded, PageHead, Status, Wide } from '../parts.js';
import { usePolled } from '../use-live.js';

const EVERY_MS = 2_000;
type Item = InDoubt['items'][number];

const CAUSES: Readonly<Record<Item['cause'], string>> = {
  hazard: 'a participant contradicts the decision',
  orphan: 'prepared, and of no transaction that is known',
  reconciling: 'restored, and a participant has not told yet',
  'participant-down': 'decided, and a participant that is down has not carried it out',
  finalising: 'decided, and not carried out everywhere',
  voting: 'participants are asked whether they can commit',
  unconfirmed: 'committed, and given up before the participant answered',
};

const AWAITED: Readonly<Record<Item['branches'][number]['awaits'], string>> = {
  vote: 'the vote of',
  done: 'the end at',
  report: 'the word of',
  operator: 'an operator, for',
};

export function InDoubtPage() {
  const polled = usePolled<InDoubt>('/v1/in-doubt?minAgeMs=1000&limit=100', EVERY_MS);
  const actions = usePolled<OperatorActions>('/v1/operator-actions?limit=10', 10_000);
  const reload = async (): Promise<void> => {
    await Promise.all([polled.reload(), actions.reload()]);
  };
  return (
    <>
      <PageHead title="In doubt">
        What somebody waits for, for a second or longer; hazards first, then the oldest.
      </PageHead>
      <Stack gap="lg">
        <Loaded polled={polled} isEmpty={({ items }) => items.length === 0} empty="Nothing is in doubt.">
          {({ items, total }) => (
            <>
              {total > items.length && (
                <Text c="dimmed">
                  The first {items.length} of {total}.
                </Text>
              )}
              <Wide label="In doubt">
                <Items items={items} reload={reload} />
              </Wide>
            </>
          )}
        </Loaded>
        <div>
          <Title order={2} size="h4" mb="xs">
            What operators did
          </Title>
          <Loaded polled={actions} isEmpty={({ items }) => items.length === 0} empty="Nothing yet.">
            {({ items }) => <Actions items={items} />}
          </Loaded>
        </div>
      </Stack>
    </>
  );
}

const Items = ({ items, reload }: { readonly items: readonly Item[]; readonly reload: () => Promise<void> }) => (
  <Table miw={820}>
    <Table.Thead>
      <Table.Tr>
        <Table.Th>Transaction</Table.Th>
        <Table.Th>Cause</Table.Th>
        <Table.Th>Decided</Table.Th>
        <Table.Th>Age</Table.Th>
        <Table.Th>Waits for</Table.Th>
        <Table.Th>Resolve</Table.Th>
      </Table.Tr>
    </Table.Thead>
    <Table.Tbody>
      {items.map((item) => (
        <Table.Tr key={item.transactionId}>
          <Table.Td>
            <Anchor component={Link} href={`/transactions/${item.transactionId}`} className="id" underline="always">
              {item.transactionId}
            </Anchor>
            {item.label && <Text size="sm">{item.label}</Text>}
          </Table.Td>
          <Table.Td>
            <Status of={item.cause} />
            <Text size="sm" c="dimmed">
              {CAUSES[item.cause]}
            </Text>
          </Table.Td>
          <Table.Td>{item.outcome ? <Status of={item.outcome} /> : 'nothing'}</Table.Td>
          <Table.Td className="figure">{durationText(item.ageMs)}</Table.Td>
          <Table.Td>
            {item.branches.map(({ participant, awaits, health, error }) => (
              <div key={`${participant} ${awaits}`}>
                {AWAITED[awaits]} {participant} <Status of={health} />
                {error && <Text size="sm">{error}</Text>}
              </div>
            ))}
          </Table.Td>
          <Table.Td>
            <Resolve item={item} reload={reload} />
          </Table.Td>
        </Table.Tr>
      ))}
    </Table.Tbody>
  </Table>
);

function Resolve({ item, reload }: { readonly item: Item; readonly reload: () => Promise<void> }) {
  const [reason, setReason] = useState('');
  // What is decided is resolved as that, what is not as aborted (D3): there is nothing to choose.
  const outcome = item.outcome ?? 'aborted';
  return (
    <ConfirmedButton
      access="operator"
      label="Resolve"
      title="Resolve what is in doubt"
      confirm="Resolve it"
      color="red"
      needs={reason.trim() !== ''}
      run={() =>
        send('POST', `/v1/transactions/${item.transactionId}/resolve`, { outcome, reason: reason.trim() }).then(
          async () => {
            setReason('');
            await reload();
          },
        )
      }
    >
      <Text>
        <span className="id">{item.transactionId}</span>: {CAUSES[item.cause]}. {consequenceOf(item)}
      </Text>
      <Text>
        It is resolved as <strong>{outcome}</strong>.
      </Text>
      <Textarea
        label="Reason"
        description="For the audit trail"
        required
        autosize
        minRows={2}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
    </ConfirmedButton>
  );
}

function consequenceOf({ cause, outcome }: Item): string {
  if (cause === 'hazard' || cause === 'unconfirmed')
    return 'That somebody has looked is put on record; mending the data is up to you.';
  if (outcome) return 'The decision stays; participants that are down are waited for no longer.';
  return 'Nothing is decided: it is aborted.';
}

const Actions = ({ items }: { readonly items: OperatorActions['items'] }) => {
  if (items.length === 0) return <Empty>Nothing yet.</Empty>;
  return (
    <Wide label="What operators did">
      <Table miw={560}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>When</Table.Th>
            <Table.Th>Who</Table.Th>
            <Table.Th>What</Table.Th>
            <Table.Th>Reason</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map(({ id, at, actor, action, target, reason, outcome }) => (
            <Table.Tr key={id}>
              <Table.Td className="figure">{timeText(at)}</Table.Td>
              <Table.Td>{actor}</Table.Td>
              <Table.Td>
                <Group gap={6}>
                  {action} <span className="id">{target}</span> {outcome && `as ${outcome}`}
                </Group>
              </Table.Td>
              <Table.Td>{reason ?? '–'}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Wide>
  );
};
