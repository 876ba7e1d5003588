import type { Audit, AuditList, AuditSummary } from '@concordat/client';
import { Anchor, Button, Card, Group, Progress, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core';
import { useState } from 'react';
import { type CallFailed, credential, request, send } from '../api.js';
import { figureText, timeText } from '../format.js';
import { ConfirmedButton, Failure, Figure, Loaded, PageHead, Status, Wide } from '../parts.js';
import { usePolled } from '../use-live.js';

const EVERY_MS = 2_000;

export function AuditsPage() {
  const list = usePolled<AuditList>('/v1/audits', EVERY_MS);
  const [chosen, setChosen] = useState<string>();
  const shown = chosen ?? list.data?.items[0]?.id;
  const start = async (): Promise<void> => {
    const { id } = await send<Audit>('POST', '/v1/audits');
    setChosen(id);
    await list.reload();
  };
  return (
    <>
      <PageHead
        title="Audits"
        actions={
          <ConfirmedButton
            access="operator"
            label="Start an audit"
            title="Audit everything that Kafka holds?"
            confirm="Start"
            run={start}
          >
            <Text>It reads all replies and events that are kept, beside the work that goes on.</Text>
          </ConfirmedButton>
        }
      >
        Whether every transaction ended one way everywhere, by Kafka’s word.
      </PageHead>
      <Loaded polled={list} isEmpty={({ items }) => items.length === 0} empty="No audit has been made yet.">
        {({ items }) => (
          <Stack>
            <Wide label="Audits">
              <List items={items} shown={shown} onChoose={setChosen} />
            </Wide>
            {shown && <One key={shown} id={shown} />}
          </Stack>
        )}
      </Loaded>
    </>
  );
}

const List = ({
  items,
  shown,
  onChoose,
}: {
  readonly items: readonly AuditSummary[];
  readonly shown: string | undefined;
  readonly onChoose: (id: string) => void;
}) => (
  <Table miw={680}>
    <Table.Thead>
      <Table.Tr>
        <Table.Th>Audit</Table.Th>
        <Table.Th>Begun</Table.Th>
        <Table.Th>By</Table.Th>
        <Table.Th>Status</Table.Th>
        <Table.Th ta="right">Transactions</Table.Th>
        <Table.Th ta="right">Violations</Table.Th>
        <Table.Th>Show</Table.Th>
      </Table.Tr>
    </Table.Thead>
    <Table.Tbody>
      {items.map(({ id, createdAt, actor, status, transactions, violationsTotal }) => (
        <Table.Tr key={id}>
          <Table.Td className="id">{id}</Table.Td>
          <Table.Td className="figure">{timeText(createdAt)}</Table.Td>
          <Table.Td>{actor}</Table.Td>
          <Table.Td>
            <Status
              of={status}
              tone={status === 'completed' && violationsTotal === 0 ? 'good' : violationsTotal > 0 ? 'bad' : undefined}
            />
          </Table.Td>
          <Table.Td ta="right" className="figure">
            {figureText(transactions)}
          </Table.Td>
          <Table.Td ta="right" className="figure">
            {figureText(violationsTotal)}
          </Table.Td>
          <Table.Td>
            <Button
              size="xs"
              variant="default"
              aria-pressed={id === shown}
              aria-label={`Show ${id}`}
              onClick={() => onChoose(id)}
            >
              Show
            </Button>
          </Table.Td>
        </Table.Tr>
      ))}
    </Table.Tbody>
  </Table>
);

function One({ id }: { readonly id: string }) {
  const polled = usePolled<Audit>(`/v1/audits/${id}`, 1_000);
  return (
    <Loaded polled={polled}>
      {(audit) => (
        <Card withBorder padding="sm">
          <Title order={2} size="h4" mb="xs">
            Audit <span className="id">{id}</span>
          </Title>
          {audit.status === 'running' && (
            <Group mb="sm">
              <Progress
                flex="1 1 10rem"
                value={audit.progress.fraction * 100}
                aria-label="Progress of the audit"
                animated
              />
              <Text size="sm">
                {audit.progress.stage}, {figureText(audit.progress.recordsRead)} of{' '}
                {figureText(audit.progress.recordsTotal)} records
              </Text>
            </Group>
          )}
          {audit.failure && <Text fw={600}>It failed: {audit.failure}</Text>}
          <SimpleGrid cols={{ base: 2, sm: 5 }} spacing="xs">
            {Object.entries(audit.verdicts).map(([verdict, count]) => (
              <Figure
                key={verdict}
                name={verdict}
                value={
                  count > 0 && !['complete', 'incomplete'].includes(verdict) ? (
                    <Status of={verdict} text={figureText(count)} />
                  ) : (
                    figureText(count)
                  )
                }
              />
            ))}
          </SimpleGrid>
          <Text size="sm" c="dimmed" mt="xs">
            {figureText(audit.transactions)} transactions, {figureText(audit.compared)} compared with the coordinator’s
            own record
            {audit.notCompared && ` (${audit.notCompared})`}; records: {figureText(audit.records.facts)} facts,{' '}
            {figureText(audit.records.duplicates)} duplicates, {figureText(audit.records.unreadable)} unreadable,{' '}
            {figureText(audit.records.unverifiable)} unverifiable.
          </Text>
          {audit.status === 'completed' && audit.violationsTotal === 0 && (
            <Text mt="xs">
              <Status of="none" tone="good" text="No violation: no transaction ended mixed." />
            </Text>
          )}
          {audit.violations.length > 0 && <Violations audit={audit} />}
          {audit.status !== 'running' && <Report id={id} />}
        </Card>
      )}
    </Loaded>
  );
}

/** The same as a page of its own. A link shows no credentials: where they are asked for, the page is fetched and saved. */
function Report({ id }: { readonly id: string }) {
  const [error, setError] = useState<CallFailed>();
  const path = `/v1/audits/${id}/report`;
  if (credential.get() === null) {
    return (
      <Anchor href={path} target="_blank" rel="noreferrer" underline="always" mt="sm" display="inline-block">
        The report as a page
      </Anchor>
    );
  }
  const save = async (): Promise<void> => {
    setError(undefined);
    try {
      const address = URL.createObjectURL(await (await request(path)).blob());
      const link = Object.assign(document.createElement('a'), { href: address, download: `audit-${id}.html` });
      link.click();
      URL.revokeObjectURL(address);
    } catch (failed) {
      setError(failed as CallFailed);
    }
  };
  return (
    <>
      {error && <Failure error={error} />}
      <Button size="xs" variant="default" mt="sm" onClick={() => void save()}>
        Save the report as a page
      </Button>
    </>
  );
}

const Violations = ({ audit: { violations, violationsTotal } }: { readonly audit: Audit }) => (
  <>
    <Text mt="sm" fw={600}>
      {violations.length < violationsTotal
        ? `The first ${violations.length} of ${violationsTotal} violations`
        : 'Violations'}
    </Text>
    <Wide label="Violations">
      <Table miw={620}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Transaction</Table.Th>
            <Table.Th>Verdict</Table.Th>
            <Table.Th>Causes</Table.Th>
            <Table.Th>Participants said</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {violations.map(({ transactionId, verdict, causes, participants }) => (
            <Table.Tr key={transactionId}>
              <Table.Td className="id">{transactionId}</Table.Td>
              <Table.Td>
                <Status of={verdict} />
              </Table.Td>
              <Table.Td>{causes.join(', ')}</Table.Td>
              <Table.Td>{participants.map(({ name, said }) => `${name}: ${said.join(', ')}`).join('; ')}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Wide>
  </>
);
