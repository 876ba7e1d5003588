import type { Cluster, Member } from '@concordat/client';
import { Card, Group, SimpleGrid, Stack, Table, Text, TextInput, Title } from '@mantine/core';
import { useState } from 'react';
import { send } from '../api.js';
import { durationText, figureText } from '../format.js';
import { ConfirmedButton, Figure, Loaded, PageHead, Status, Wide } from '../parts.js';
import { useSession } from '../session.js';
import { usePolled } from '../use-live.js';

const EVERY_MS = 1_000;

export function ClusterPage() {
  const polled = usePolled<Cluster>('/v1/cluster', EVERY_MS);
  const { may } = useSession();
  return (
    <>
      <PageHead title="Cluster">The replicas, as the leader knows them.</PageHead>
      {!may('admin') && (
        <Text c="dimmed" mb="sm">
          Changes ask for the role admin.
        </Text>
      )}
      <Loaded polled={polled}>
        {(cluster) => (
          <Stack>
            <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="sm">
              <Figure name="Leader" value={nameOf(cluster.members.find(({ id }) => id === cluster.leader))} />
              <Figure name="Term" value={figureText(cluster.term)} />
              <Figure
                name="Members"
                value={cluster.members.length}
                hint={`${cluster.members.filter(({ role }) => role === 'learner').length} learning`}
              />
              <Figure
                name="Applied"
                value={figureText(Math.max(...cluster.members.map(({ appliedIndex }) => appliedIndex ?? 0)))}
                hint="log index"
              />
            </SimpleGrid>
            <Members cluster={cluster} reload={polled.reload} />
            {may('admin') && <Changes reload={polled.reload} />}
          </Stack>
        )}
      </Loaded>
    </>
  );
}

const nameOf = (member: Member | undefined): string => (member ? `Replica ${member.nodeId}` : 'none');

const byNode = (one: Member, other: Member): number => one.nodeId - other.nodeId;

const Members = ({ cluster, reload }: { readonly cluster: Cluster; readonly reload: () => Promise<void> }) => (
  <Wide label="Members">
    <Table miw={980}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Replica</Table.Th>
          <Table.Th>Role</Table.Th>
          <Table.Th>Address</Table.Th>
          <Table.Th ta="right">Durable to</Table.Th>
          <Table.Th ta="right">Applied</Table.Th>
          <Table.Th ta="right">Persisted</Table.Th>
          <Table.Th ta="right">Lag</Table.Th>
          <Table.Th ta="right">Suspicion φ</Table.Th>
          <Table.Th>Change</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {[...cluster.members].sort(byNode).map((member) => (
          <Table.Tr key={member.id}>
            <Table.Td className="figure">{nameOf(member)}</Table.Td>
            <Table.Td>
              <Status of={member.role} />
            </Table.Td>
            <Table.Td>{member.address}</Table.Td>
            {[member.matchIndex, member.appliedIndex, member.persistedIndex].map((index, column) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: three columns, always the same
              <Table.Td key={column} ta="right" className="figure">
                {figureText(index)}
              </Table.Td>
            ))}
            <Table.Td ta="right" className="figure">
              {durationText(member.lagMs)}
            </Table.Td>
            <Table.Td ta="right" className="figure">
              {figureText(member.suspicion)}
            </Table.Td>
            <Table.Td>
              <MemberChanges
                member={member}
                isLeader={member.id === cluster.leader}
                count={cluster.members.length}
                reload={reload}
              />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  </Wide>
);

function MemberChanges({
  member,
  isLeader,
  count,
  reload,
}: {
  readonly member: Member;
  readonly isLeader: boolean;
  readonly count: number;
  readonly reload: () => Promise<void>;
}) {
  const name = nameOf(member);
  const change = (call: Promise<unknown>): Promise<void> => call.then(reload);
  return (
    <Group gap={4} wrap="nowrap">
      <ConfirmedButton
        access="admin"
        label="Make leader"
        name={`Make leader: ${name}`}
        title={`Hand leadership to ${name}?`}
        confirm="Hand it over"
        disabled={isLeader || member.role === 'learner'}
        run={() => change(send('POST', '/v1/cluster/transfer', { to: member.id }))}
      >
        <Text>Transactions that are not decided at that moment end as retryable aborts.</Text>
      </ConfirmedButton>
      <ConfirmedButton
        access="admin"
        label="Remove"
        name={`Remove ${name}`}
        title={`Remove ${name} for good?`}
        confirm="Remove it"
        color="red"
        disabled={count === 1}
        run={() => change(send('DELETE', `/v1/cluster/members/${member.id}`))}
      >
        <Text>
          Its id never returns; with an empty log and database it can join anew. With {count - 1} members left,{' '}
          {Math.floor((count - 1) / 2)} may fail.
        </Text>
      </ConfirmedButton>
    </Group>
  );
}

function Changes({ reload }: { readonly reload: () => Promise<void> }) {
  const [address, setAddress] = useState('');
  return (
    <Card withBorder padding="sm">
      <Title order={2} size="h4" mb="xs">
        Change the cluster
      </Title>
      <Group>
        <ConfirmedButton
          access="admin"
          label="Add a member"
          title="Take in a replica"
          confirm="Add it"
          needs={/^\S+:\d{1,5}$/.test(address)}
          run={async () => {
            await send('POST', '/v1/cluster/members', { address });
            setAddress('');
            await reload();
          }}
        >
          <TextInput
            label="Address for its peers"
            description="host:port; it learns first, and votes when it has caught up"
            value={address}
            onChange={(event) => setAddress(event.currentTarget.value)}
          />
        </ConfirmedButton>
        <ConfirmedButton
          access="admin"
          label="Hand leadership on"
          title="Hand leadership to the replica that is furthest?"
          confirm="Hand it over"
          run={() => send('POST', '/v1/cluster/transfer').then(reload)}
        >
          <Text>Transactions that are not decided at that moment end as retryable aborts.</Text>
        </ConfirmedButton>
      </Group>
    </Card>
  );
}
