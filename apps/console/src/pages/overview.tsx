import type { Overview, OverviewSample } from '@concordat/client';
import { AreaChart, LineChart, type LineChartProps } from '@mantine/charts';
import { Alert, Card, SimpleGrid, Text, Title } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { clockText, durationText, figureText } from '../format.js';
import { Failure, Figure, PageHead, Status } from '../parts.js';
import { Replicas } from '../replicas.js';
import { useSession } from '../session.js';
import { useStream } from '../use-live.js';

/** Two minutes; the coordinator remembers five. */
const SHOWN_MAX = 120;
const NO_SAMPLES: readonly OverviewSample[] = [];

export default function OverviewPage() {
  const { may } = useSession();
  const [samples, setSamples] = useState(NO_SAMPLES);
  const { state, error } = useStream('/v1/overview/events', (data) => {
    const { samples: news } = JSON.parse(data) as Overview;
    setSamples((before) => {
      const last = before.at(-1)?.at ?? '';
      return [...before, ...news.filter(({ at }) => at > last)].slice(-SHOWN_MAX); // a stream that comes back tells all again
    });
  });
  const now = samples.at(-1);
  const points = samples.map((sample) => ({
    time: clockText(sample.at),
    committed: sample.committedPerS,
    aborted: sample.abortedPerS,
    begun: sample.begunPerS,
    refused: sample.refusedPerS,
    p50: sample.decisionMs?.p50 ?? null,
    p99: sample.decisionMs?.p99 ?? null,
    'in doubt': sample.inDoubt,
    'in flight': sample.inFlight,
  }));
  return (
    <>
      <PageHead title="Overview" actions={<Connection state={state} />}>
        What the leader does, second by second.
      </PageHead>
      {error && error.status !== 0 && <Failure error={error} />}
      {(now?.hazards ?? 0) > 0 && (
        <Alert variant="outline" color="red" title="A participant contradicts a decision" role="alert" mb="md">
          Look at what is in doubt.
        </Alert>
      )}
      <SimpleGrid cols={{ base: 2, sm: 3, lg: 6 }} spacing="sm" mb="md">
        <Figure
          name="Committed"
          value={<span data-testid="committed">{figureText(now?.committedPerS)}</span>}
          hint="per second"
        />
        <Figure name="Aborted" value={figureText(now?.abortedPerS)} hint="per second" />
        <Figure
          name="Decision, p50"
          value={durationText(now?.decisionMs?.p50)}
          hint={`p99 ${durationText(now?.decisionMs?.p99)}`}
        />
        <Figure name="In flight" value={figureText(now?.inFlight)} hint={`${figureText(now?.undecided)} undecided`} />
        <Figure name="In doubt" value={figureText(now?.inDoubt)} hint={`${figureText(now?.hazards)} hazards`} />
        <Figure
          name="Places taken"
          value={`${figureText(now?.placesTaken)} of ${figureText(now?.places)}`}
          hint={`${figureText(now?.waiting)} wait, ${figureText(now?.refusedPerS)}/s refused`}
        />
      </SimpleGrid>
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="sm">
        <Chart
          title="Outcomes per second"
          says={`${figureText(now?.committedPerS)} committed, ${figureText(now?.abortedPerS)} aborted`}
        >
          <AreaChart
            {...COMMON}
            areaChartProps={WITHOUT_FOCUS}
            areaProps={AT_REST}
            data={points}
            type="default"
            fillOpacity={0.25}
            series={[
              { name: 'committed', color: 'green.6' },
              { name: 'aborted', color: 'orange.6' },
            ]}
          />
        </Chart>
        <Chart
          title="From begin to decision, ms"
          says={`p50 ${durationText(now?.decisionMs?.p50)}, p99 ${durationText(now?.decisionMs?.p99)}`}
        >
          <Lines
            data={points}
            connectNulls={false}
            series={[
              { name: 'p50', color: 'blue.6' },
              { name: 'p99', color: 'grape.5' },
            ]}
          />
        </Chart>
        <Chart
          title="Begun and refused per second"
          says={`${figureText(now?.begunPerS)} begun, ${figureText(now?.refusedPerS)} refused`}
        >
          <Lines
            data={points}
            series={[
              { name: 'begun', color: 'blue.6' },
              { name: 'refused', color: 'red.6' },
            ]}
          />
        </Chart>
        <Chart
          title="Not finished, and in doubt"
          says={`${figureText(now?.inFlight)} in flight, ${figureText(now?.inDoubt)} in doubt for 5 s or longer`}
        >
          <Lines
            data={points}
            series={[
              { name: 'in flight', color: 'blue.6' },
              { name: 'in doubt', color: 'red.6' },
            ]}
          />
        </Chart>
      </SimpleGrid>
      {may('operator') && <Replicas />}
      <Text size="sm" c="dimmed" mt="sm">
        Percentiles are of the last 5 s, interpolated in the buckets of the histogram that /metrics shows. In doubt
        counts what has waited for 5 s or longer.
      </Text>
    </>
  );
}

const COMMON = {
  h: 200,
  dataKey: 'time',
  curveType: 'linear',
  withDots: false,
  withLegend: true,
  strokeWidth: 2,
  tickLine: 'none',
  xAxisProps: { minTickGap: 60 },
  yAxisProps: { width: 48, allowDecimals: true },
  valueFormatter: figureText,
} as const;
/** The figures stand beside each chart in words; a chart that takes the focus tells nobody more. */
const WITHOUT_FOCUS = { accessibilityLayer: false } as const;
const AT_REST = { isAnimationActive: false } as const;

const Lines = (props: Pick<LineChartProps, 'data' | 'series' | 'connectNulls'>) => (
  <LineChart {...COMMON} lineChartProps={WITHOUT_FOCUS} lineProps={AT_REST} {...props} />
);

const Chart = ({
  title,
  says,
  children,
}: {
  readonly title: string;
  readonly says: string;
  readonly children: ReactNode;
}) => (
  <Card withBorder padding="sm" component="figure" m={0}>
    <figcaption>
      <Title order={2} size="h5">
        {title}
      </Title>
      <Text size="sm" c="dimmed" mb="xs">
        Now {says}
      </Text>
    </figcaption>
    <div aria-hidden="true">{children}</div>
  </Card>
);

const Connection = ({ state }: { readonly state: string }) => {
  if (state === 'live') return <Status of="live" tone="good" />;
  return (
    <Status
      of={state}
      tone={state === 'broken' ? 'bad' : 'calm'}
      text={state === 'broken' ? 'connecting again' : 'connecting'}
    />
  );
};
