/** The replicas beside the figures of the leader: who leads, how far each one is, and how fast it applies. */
import type { Cluster, Member } from '@concordat/client';
import { Card, Table, Text, Title } from '@mantine/core';
import { useEffect, useState } from 'react';
import { durationText, figureText } from './format.js';
import { Status, Wide } from './parts.js';
import { appliedPerS, entriesBehind, type Reading, withReading } from './replica-rates.js';
import { usePolled } from './use-live.js';

const EVERY_MS = 1_000;
type Readings = ReadonlyMap<number, readonly Reading[]>;

export function Replicas() {
  const { data } = usePolled<Cluster>('/v1/cluster', EVERY_MS);
  const [readings, setReadings] = useState<Readings>(new Map());
  useEffect(() => {
    if (!data) return;
    const atMs = performance.now();
    setReadings(
      (before) =>
        new Map(
          data.members.map(({ id, appliedIndex }) => [id, withReading(before.get(id) ?? [], { atMs, appliedIndex })]),
        ),
    );
  }, [data]);
  if (!data) return null;
  return (
    <Card withBorder padding="sm" mt="sm">
      <Title order={2} size="h5">
        Replicas
      </Title>
      <Text size="sm" c="dimmed" mb="xs">
        Term {figureText(data.term)}; how far each has come in the decision log
      </Text>
      <Wide label="Replicas">
        <Table miw={760}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Replica</Table.Th>
              <Table.Th>Role</Table.Th>
              <Table.Th ta="right">Durable to</Table.Th>
              <Table.Th ta="right">Applied</Table.Th>
              <Table.Th ta="right">Entries behind</Table.Th>
              <Table.Th ta="right">Behind for</Table.Th>
              <Table.Th ta="right">Applied per second</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {[...data.members].sort(byNode).map((member) => (
              <Row key={member.id} member={member} members={data.members} readings={readings.get(member.id) ?? []} />
            ))}
          </Table.Tbody>
        </Table>
      </Wide>
    </Card>
  );
}

const byNode = (one: Member, other: Member): number => one.nodeId - other.nodeId;

function Row({
  member,
  members,
  readings,
}: {
  readonly member: Member;
  readonly members: readonly Member[];
  readonly readings: readonly Reading[];
}) {
  const figures = [
    figureText(member.matchIndex),
    figureText(member.appliedIndex),
    figureText(entriesBehind(member, members)),
    durationText(member.lagMs),
    appliedPerS(readings)?.toFixed(1) ?? '–',
  ];
  return (
    <Table.Tr data-replica={member.nodeId}>
      <Table.Td className="figure">Replica {member.nodeId}</Table.Td>
      <Table.Td>
        <Status of={member.role} />
      </Table.Td>
      {figures.map((figure, column) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: always the same columns
        <Table.Td key={column} ta="right" className="figure">
          {figure}
        </Table.Td>
      ))}
    </Table.Tr>
  );
}
