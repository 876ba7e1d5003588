import type { Participant, ParticipantList } from '@concordat/client';
import { Accordion, Card, Code, Group, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { clockText, durationText, figureText } from '../format.js';
import { Loaded, PageHead, Status, Wide } from '../parts.js';
import { Suspicion } from '../suspicion.js';
import { usePolled } from '../use-live.js';

const EVERY_MS = 1_000;

export function ParticipantsPage() {
  const polled = usePolled<ParticipantList>('/v1/participants', EVERY_MS);
  return (
    <>
      <PageHead title="Participants">By what this replica hears of them, once a second.</PageHead>
      <Loaded
        polled={polled}
        isEmpty={({ items }) => items.length === 0}
        empty="No participant has announced itself yet."
      >
        {({ items }) => (
          <Stack>
            {[...items].sort(byName).map((participant) => (
              <One key={participant.name} participant={participant} />
            ))}
          </Stack>
        )}
      </Loaded>
    </>
  );
}

const byName = (one: Participant, other: Participant): number => one.name.localeCompare(other.name);

function One({ participant }: { readonly participant: Participant }) {
  const { name, health, isolation, suspicion, instances, lag, preparedCount, oldestInDoubtMs, lastHeartbeatAt } =
    participant;
  return (
    <Card withBorder padding="sm" data-participant={name} data-health={health}>
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h4">
          {name}
        </Title>
        <Status of={health} />
      </Group>
      <SimpleGrid cols={{ base: 2, sm: 4, lg: 8 }} spacing="xs">
        <Fact name="Suspicion φ" value={<span data-testid={`suspicion-${name}`}>{figureText(suspicion)}</span>} />
        <Fact name="Its last minute" value={<Suspicion name={name} phi={suspicion} />} />
        <Fact name="Instances" value={String(instances)} />
        <Fact name="Not answered yet" value={figureText(lag)} />
        <Fact name="Prepared" value={figureText(preparedCount)} />
        <Fact name="Oldest in doubt" value={durationText(oldestInDoubtMs)} />
        <Fact name="Last heartbeat" value={lastHeartbeatAt ? clockText(lastHeartbeatAt) : '–'} />
        <Fact name="Isolation" value={isolation} />
      </SimpleGrid>
      <Accordion mt="xs" chevronPosition="left" variant="default" order={3}>
        <Accordion.Item value="observers">
          <Accordion.Control>Replicas say: {wordsOf(participant)}</Accordion.Control>
          <Accordion.Panel>
            <Observers participant={participant} />
          </Accordion.Panel>
        </Accordion.Item>
        <Accordion.Item value="operations">
          <Accordion.Control>Operations: {participant.operations.map((one) => one.name).join(', ')}</Accordion.Control>
          <Accordion.Panel>
            <Operations participant={participant} />
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
    </Card>
  );
}

/** As `2 alive, 1 suspected`. */
function wordsOf({ observers }: Participant): string {
  const words = [...new Set(observers.map(({ word }) => word))];
  return words.map((word) => `${observers.filter((one) => one.word === word).length} ${word}`).join(', ');
}

const Fact = ({ name, value }: { readonly name: string; readonly value: ReactNode }) => (
  <div>
    <Text size="xs" c="dimmed">
      {name}
    </Text>
    <Text component="div" className="figure">
      {value}
    </Text>
  </div>
);

const Observers = ({ participant: { name, observers } }: { readonly participant: Participant }) => (
  <Wide label={`Observers of ${name}`}>
    <Table>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Replica</Table.Th>
          <Table.Th>Says</Table.Th>
          <Table.Th>Suspicion φ</Table.Th>
          <Table.Th>Said</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {observers.map(({ nodeId, word, suspicion, ageMs }) => (
          <Table.Tr key={nodeId}>
            <Table.Td>{nodeId}</Table.Td>
            <Table.Td>
              <Status of={word} />
            </Table.Td>
            <Table.Td>{figureText(suspicion)}</Table.Td>
            <Table.Td>{durationText(ageMs)} ago</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  </Wide>
);

const Operations = ({ participant: { name, operations } }: { readonly participant: Participant }) => (
  <Stack gap="xs">
    {operations.map((operation) => (
      <div key={operation.name}>
        <Text fw={600}>
          {operation.name}
          {operation.readOnly && ' (read only)'}
        </Text>
        <Wide label={`Input of ${operation.name} at ${name}`}>
          <Code block>{JSON.stringify(operation.inputSchema, null, 2)}</Code>
        </Wide>
      </div>
    ))}
  </Stack>
);
