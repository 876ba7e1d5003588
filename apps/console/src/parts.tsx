/** Small parts that every page is made of. */
import { Alert, Button, Card, Group, Modal, Skeleton, Stack, Text, Title } from '@mantine/core';
import { type ReactNode, useEffect, useState } from 'react';
import { CallFailed } from './api.js';
import { type Role, useSession } from './session.js';
import type { Polled } from './use-live.js';

export type Tone = 'good' | 'bad' | 'warn' | 'calm';

const TONES: Readonly<Record<string, Tone>> = {
  up: 'good',
  committed: 'good',
  alive: 'good',
  prepared: 'good',
  'read-only': 'good',
  leader: 'good',
  complete: 'good',
  down: 'bad',
  hazard: 'bad',
  refused: 'bad',
  suspected: 'bad',
  failed: 'bad',
  mixed: 'bad',
  contradicting: 'bad',
  orphaned: 'bad',
  orphan: 'bad',
  aborted: 'warn',
  'rolled-back': 'warn',
  'participant-down': 'warn',
  unconfirmed: 'warn',
  unknown: 'warn',
  preparing: 'calm',
};

/** A word with a mark whose form and colour say how good that is. */
export const Status = ({ of, tone, text }: { readonly of: string; readonly tone?: Tone; readonly text?: string }) => (
  <span className="status" data-tone={tone ?? TONES[of] ?? 'calm'}>
    {text ?? of}
  </span>
);

/** The head of a page, and its title in the browser. */
export function PageHead({
  title,
  children,
  actions,
}: {
  readonly title: string;
  readonly children?: ReactNode;
  readonly actions?: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · Concordat`;
  }, [title]);
  return (
    <Group justify="space-between" align="flex-start" mb="md">
      <Stack gap={2}>
        <Title order={1} size="h2">
          {title}
        </Title>
        {children && <Text c="dimmed">{children}</Text>}
      </Stack>
      {actions}
    </Group>
  );
}

/** What went wrong, for people. */
export function Failure({ error, title }: { readonly error: CallFailed; readonly title?: string }) {
  const heading =
    title ?? (error.status === 403 ? 'Not allowed' : error.status === 0 ? 'No connection' : 'That did not work');
  return (
    <Alert variant="outline" color="red" title={heading} role="alert" mb="md">
      {error.message}
      {error.problem && (
        <Text size="sm" mt={4}>
          Code <code>{error.problem.code}</code>
          {error.problem.retryable && ', may work later'}
        </Text>
      )}
    </Alert>
  );
}

/** Shows what was read; before, after a failure, and where there is nothing, says so. That nobody answers stands above all. */
export function Loaded<T>({
  polled,
  children,
  isEmpty,
  empty,
}: {
  readonly polled: Polled<T>;
  readonly children: (data: T) => ReactNode;
  readonly isEmpty?: (data: T) => boolean;
  readonly empty?: ReactNode;
}) {
  const { data, error } = polled;
  return (
    <>
      {error && error.status !== 0 && <Failure error={error} />}
      {data === undefined && (!error || error.status === 0) && <Waiting />}
      {data !== undefined && (isEmpty?.(data) ? <Empty>{empty}</Empty> : children(data))}
    </>
  );
}

/** Stands where something is being read for the first time. */
export const Waiting = () => (
  <Stack aria-busy="true" aria-label="Loading" role="status">
    <Skeleton height={40} />
    <Skeleton height={40} />
    <Skeleton height={40} />
  </Stack>
);

export const Empty = ({ children }: { readonly children: ReactNode }) => (
  <Card withBorder py="xl">
    <Text ta="center" c="dimmed">
      {children}
    </Text>
  </Card>
);

/** What is wider than the page moves inside, also by keyboard. */
export const Wide = ({ label, children }: { readonly label: string; readonly children: ReactNode }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reachable by keyboard (axe: scrollable-region-focusable)
  <section className="scroll" tabIndex={0} aria-label={label}>
    {children}
  </section>
);

/** A named figure. */
export const Figure = ({
  name,
  value,
  hint,
}: {
  readonly name: string;
  readonly value: ReactNode;
  readonly hint?: string;
}) => (
  <Card withBorder padding="sm">
    <Text size="sm" c="dimmed">
      {name}
    </Text>
    <Text component="div" fw={600} size="xl" className="figure">
      {value}
    </Text>
    {hint && (
      <Text size="xs" c="dimmed">
        {hint}
      </Text>
    )}
  </Card>
);

/** A button that asks first, and is there for those only who may. */
export function ConfirmedButton({
  access,
  label,
  name,
  title,
  children,
  confirm,
  run,
  disabled,
  color,
  needs,
}: {
  readonly access: Role;
  readonly label: string;
  /** What the label does not say, where several buttons have the same. */
  readonly name?: string;
  readonly title: string;
  /** What will happen, or what else is asked for. */
  readonly children: ReactNode;
  /** On the button that does it. */
  readonly confirm: string;
  readonly run: () => Promise<unknown>;
  readonly disabled?: boolean;
  readonly color?: string;
  /** Whether what else is asked for has been given. */
  readonly needs?: boolean;
}) {
  const { may } = useSession();
  const [isOpen, setOpen] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<CallFailed>();
  const act = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      await run();
      setOpen(false);
    } catch (failed) {
      setError(failed instanceof CallFailed ? failed : new CallFailed(0, 'No answer came; look before you try again.'));
    } finally {
      setBusy(false);
    }
  };
  if (!may(access)) return null;
  return (
    <>
      <Button
        size="xs"
        variant="default"
        disabled={disabled ?? false}
        aria-label={name}
        onClick={() => {
          setError(undefined);
          setOpen(true);
        }}
      >
        {label}
      </Button>
      <Modal
        opened={isOpen}
        onClose={() => setOpen(false)}
        title={title}
        closeButtonProps={{ 'aria-label': 'Close' }}
        centered
      >
        <Stack>
          {error && <Failure error={error} />}
          {children}
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setOpen(false)}>
              Leave it
            </Button>
            <Button color={color ?? 'blue'} loading={isBusy} disabled={needs === false} onClick={() => void act()}>
              {confirm}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
