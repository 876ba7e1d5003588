import {
  ActionIcon,
  AppShell,
  Burger,
  Button,
  Center,
  Group,
  Loader,
  NavLink,
  Stack,
  Text,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import {
  IconActivity,
  IconArrowsExchange,
  IconLock,
  IconMoon,
  IconPlugConnected,
  IconPlus,
  IconQuestionMark,
  IconReportSearch,
  IconServer,
  IconSun,
} from '@tabler/icons-react';
import { lazy, Suspense } from 'react';
import { Link, Redirect, Route, Switch, useLocation } from 'wouter';
import { AuditsPage } from './pages/audits.js';
import { BeginPage } from './pages/begin.js';
import { ClusterPage } from './pages/cluster.js';
import { InDoubtPage } from './pages/in-doubt.js';
import { LocksPage } from './pages/locks.js';
import { ParticipantsPage } from './pages/participants.js';
import { TransactionPage } from './pages/transaction.js';
import { TransactionsPage } from './pages/transactions.js';
import { Empty, Failure, PageHead } from './parts.js';
import { useSession } from './session.js';
import { SignIn } from './sign-in.js';

/** The charts are half of all code; other pages do without. */
const OverviewPage = lazy(() => import('./pages/overview.js'));

const PAGES = [
  { path: '/', label: 'Overview', icon: IconActivity },
  { path: '/transactions', label: 'Transactions', icon: IconArrowsExchange },
  { path: '/begin', label: 'Begin', icon: IconPlus },
  { path: '/participants', label: 'Participants', icon: IconPlugConnected },
  { path: '/in-doubt', label: 'In doubt', icon: IconQuestionMark },
  { path: '/cluster', label: 'Cluster', icon: IconServer },
  { path: '/locks', label: 'Locks', icon: IconLock },
  { path: '/audits', label: 'Audits', icon: IconReportSearch },
] as const;

export function Console() {
  const { state, error, retry } = useSession();
  if (state === 'needs-credentials') return <SignIn />;
  if (state === 'known') return <Shell />;
  return (
    <Center mih="100vh" p="md" component="main">
      {state === 'asking' ? (
        <Loader aria-label="Loading" />
      ) : (
        <Stack align="center">
          {error && <Failure error={error} />}
          <Button onClick={retry}>Try again</Button>
        </Stack>
      )}
    </Center>
  );
}

function Shell() {
  const [isOpen, { toggle, close }] = useDisclosure();
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 210, breakpoint: 'sm', collapsed: { mobile: !isOpen } }}
      padding="md"
    >
      <a className="skip" href="#main">
        To the content
      </a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger
              opened={isOpen}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label="Menu"
              aria-expanded={isOpen}
            />
            <Text fw={700}>Concordat</Text>
          </Group>
          <Who />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Pages">
        <Pages onChoose={close} />
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1}>
        <Suspense fallback={<Loader aria-label="Loading" />}>
          <Switch>
            <Route path="/" component={OverviewPage} />
            <Route path="/transactions" component={TransactionsPage} />
            <Route path="/transactions/:id">{({ id }) => <TransactionPage key={id} id={id} />}</Route>
            <Route path="/begin" component={BeginPage} />
            <Route path="/participants" component={ParticipantsPage} />
            <Route path="/in-doubt" component={InDoubtPage} />
            <Route path="/cluster" component={ClusterPage} />
            <Route path="/locks" component={LocksPage} />
            <Route path="/audits" component={AuditsPage} />
            <Route path="/overview">
              <Redirect to="/" />
            </Route>
            <Route>
              <PageHead title="No such page" />
              <Empty>Choose one from the menu.</Empty>
            </Route>
          </Switch>
        </Suspense>
      </AppShell.Main>
    </AppShell>
  );
}

function Pages({ onChoose }: { readonly onChoose: () => void }) {
  const [location] = useLocation();
  return PAGES.map(({ path, label, icon: Icon }) => {
    const isActive = path === '/' ? location === '/' : location.startsWith(path);
    return (
      <NavLink
        key={path}
        component={Link}
        href={path}
        label={label}
        leftSection={<Icon size={18} aria-hidden />}
        active={isActive}
        variant="filled"
        aria-current={isActive ? 'page' : undefined}
        onClick={onChoose}
        mb={2}
      />
    );
  });
}

function Who() {
  const { caller, signOut } = useSession();
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light');
  const isDark = scheme === 'dark';
  return (
    <Group gap="sm" wrap="nowrap">
      {caller && caller.caller !== 'anonymous' && (
        <>
          <Text size="sm" visibleFrom="sm">
            {caller.caller}
          </Text>
          <Button size="xs" variant="default" onClick={signOut}>
            Sign out
          </Button>
        </>
      )}
      <ActionIcon
        variant="default"
        size="lg"
        aria-label={isDark ? 'To light colours' : 'To dark colours'}
        onClick={() => setColorScheme(isDark ? 'light' : 'dark')}
      >
        {isDark ? <IconSun size={18} aria-hidden /> : <IconMoon size={18} aria-hidden />}
      </ActionIcon>
    </Group>
  );
}
