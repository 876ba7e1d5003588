import type { Timeline, Transaction } from '@concordat/client';
import { Anchor, Card, Code, Group, Progress, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core';
import { type CSSProperties, useState } from 'react';
import { Link } from 'wouter';
import { durationText, timeText } from '../format.js';
import { Empty, Failure, Figure, PageHead, Status, Waiting, Wide } from '../parts.js';
import { Sequence } from '../sequence.js';
import { layoutTimeline, type Span } from '../timeline-layout.js';
import { outcomeOf, takenMs } from '../transaction-facts.js';
import { usePolled, useStream } from '../use-live.js';

const SPAN_COLORS: Readonly<Record<string, string>> = {
  open: 'gray.6',
  prepare: 'blue.7',
  decide: 'grape.7',
  finalise: 'teal.8',
  forget: 'gray.7',
};

/** Longer results scroll. */
const RESULT_LENGTH_SHORT = 300;

/** One transaction, live until it is completed. */
export function TransactionPage({ id }: { readonly id: string }) {
  const [transaction, setTransaction] = useState<Transaction>();
  const { error } = useStream(`/v1/transactions/${id}/events`, (data) =>
    setTransaction(JSON.parse(data) as Transaction),
  );
  const isOver = transaction?.status === 'completed';
  const timeline = usePolled<Timeline>(
    transaction && `/v1/transactions/${id}/timeline`, // asked for only of one that there is
    isOver ? 10_000 : 1_000,
  );
  return (
    <>
      <Anchor component={Link} href="/transactions" underline="always">
        All transactions
      </Anchor>
      <PageHead title="Transaction">
        <span className="id">{id}</span>
      </PageHead>
      {error && error.status !== 0 && !transaction && (
        <Failure error={error} title={error.status === 404 ? 'There is no such transaction' : undefined} />
      )}
      {!transaction && (!error || error.status === 0) && <Waiting />}
      {transaction && (
        <Stack>
          <Facts transaction={transaction} />
          <TimelineCard timeline={timeline.data} failed={timeline.error !== undefined} />
          <Branches transaction={transaction} />
        </Stack>
      )}
    </>
  );
}

function Facts({ transaction }: { readonly transaction: Transaction }) {
  const { label, status, isolation, serializable, csn, snapshot, createdAt, outcomeReason } = transaction;
  return (
    <>
      <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="sm">
        <Figure name="Outcome" value={<Status of={outcomeOf(transaction)} />} hint={status} />
        <Figure name="Outcome settled in" value={durationText(takenMs(transaction))} hint={timeText(createdAt)} />
        <Figure name="Isolation" value={isolation} hint={serializable ? 'serializable' : 'snapshot'} />
        <Figure name="Label" value={label ?? '–'} />
      </SimpleGrid>
      <Text size="sm" c="dimmed">
        Commit sequence number {csn ?? '–'} · snapshot {snapshot ?? '–'}
      </Text>
      {outcomeReason && (
        <Card withBorder padding="sm">
          <Text fw={600}>Why it aborted</Text>
          <Text>
            <Code>{outcomeReason.code}</Code> {outcomeReason.message}
            {outcomeReason.participant && ` (${outcomeReason.participant})`}
          </Text>
        </Card>
      )}
    </>
  );
}

function TimelineCard({ timeline, failed }: { readonly timeline: Timeline | undefined; readonly failed: boolean }) {
  if (!timeline) return failed ? <Empty>The times of its steps cannot be read at the moment.</Empty> : null;
  if (!timeline.known) {
    return (
      <Empty>
        The leader does not know the times of its steps: it keeps those of the last 2,000 that it led itself.
      </Empty>
    );
  }
  const layout = layoutTimeline(timeline.marks, timeline.cut);
  return (
    <Card withBorder padding="sm">
      <Title order={2} size="h4">
        Time line
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        Times known to this replica, the leader: when it sent and when it heard.
        {!timeline.fromBegin && ' An earlier leader began it; what was before is not known here.'}
        {timeline.cut && ' Further steps are not shown.'}
      </Text>
      <Spans spans={layout.spans} />
      <Wide label="Sequence of its steps">
        <Sequence layout={layout} />
      </Wide>
    </Card>
  );
}

const swatchOf = (name: string): string => `var(--mantine-color-${(SPAN_COLORS[name] ?? 'gray.6').replace('.', '-')})`;

function Spans({ spans }: { readonly spans: readonly Span[] }) {
  const total = spans.reduce((sum, { ms }) => sum + ms, 0);
  if (total === 0) return null;
  return (
    <Stack gap={4} mb="sm">
      <Progress.Root size="lg" aria-hidden="true">
        {spans.map(({ name, ms }) => (
          <Progress.Section
            key={name}
            value={(ms / total) * 100}
            color={SPAN_COLORS[name] ?? 'gray'}
            withAria={false}
          />
        ))}
      </Progress.Root>
      <Group gap="0 1rem">
        {spans.map(({ name, ms, isOpen }) => (
          <Text key={name} size="sm" className="figure">
            <span className="swatch" style={{ '--swatch': swatchOf(name) } as CSSProperties} />
            {name} {durationText(ms)}
            {isOpen && ' so far'}
          </Text>
        ))}
      </Group>
    </Stack>
  );
}

/** On one line while it fits; what is longer scrolls in its place. */
function Result({ value, of }: { readonly value: unknown; readonly of: string }) {
  if (value === null) return '–';
  const text = JSON.stringify(value);
  if (text.length <= RESULT_LENGTH_SHORT) return <Code>{text}</Code>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reachable by keyboard
    <section className="result" tabIndex={0} aria-label={`Result of ${of}`}>
      <Code>{text}</Code>
    </section>
  );
}

const Branches = ({ transaction: { branches } }: { readonly transaction: Transaction }) => (
  <Card withBorder padding="sm">
    <Title order={2} size="h4" mb="xs">
      Branches
    </Title>
    {branches.length === 0 ? (
      <Text c="dimmed">None yet.</Text>
    ) : (
      <Wide label="Branches">
        <Table miw={560}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Participant</Table.Th>
              <Table.Th>Operation</Table.Th>
              <Table.Th>Status</Table.Th>
              <Table.Th>Result or reason</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {branches.map(({ id, participant, operation, status, result, reason }) => (
              <Table.Tr key={id}>
                <Table.Td>{participant}</Table.Td>
                <Table.Td>{operation}</Table.Td>
                <Table.Td>
                  <Status of={status} />
                </Table.Td>
                <Table.Td>
                  {reason ? (
                    `${reason.code}: ${reason.message}`
                  ) : (
                    <Result value={result} of={`${operation} at ${participant}`} />
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Wide>
    )}
  </Card>
);
