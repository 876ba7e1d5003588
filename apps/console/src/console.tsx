import {
  ActionIcon,
  Alert,
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
import { lazy, type ReactNode, Suspense, useSyncExternalStore } from 'react';
import { Link, Redirect, Route, Switch, useLocation } from 'wouter';
import { CallFailed, contact } from './api.js';
import { AuditsPage } from './pages/audits.js';
import { BeginPage } from './pages/begin.js';
import { ClusterPage } from './pages/cluster.js';
import { InDoubtPage } from './pages/in-doubt.js';
import { LocksPage } from './pages/locks.js';
import { ParticipantsPage } from './pages/participants.js';
import { TransactionPage } from './pages/transaction.js';
import { TransactionsPage } from './pages/transactions.js';
import { Empty, Failure, PageHead } from './parts.js';
import { type Role, useSession } from './session.js';
import { SignIn } from './sign-in.js';

/** The charts are half of all code; other pages do without. */
const OverviewPage = lazy(() => import('./pages/overview.js'));

interface Page {
  readonly path: string;
  readonly label: string;
  readonly icon: typeof IconActivity;
  /** What the calls of the page ask for: it is shown to nobody else. */
  readonly access: Role;
}

const PAGES: readonly Page[] = [
  { path: '/', label: 'Overview', icon: IconActivity, access: 'monitor' },
  { path: '/transactions', label: 'Transactions', icon: IconArrowsExchange, access: 'caller' },
  { path: '/begin', label: 'Begin', icon: IconPlus, access: 'caller' },
  { path: '/participants', label: 'Participants', icon: IconPlugConnected, access: 'caller' },
  { path: '/in-doubt', label: 'In doubt', icon: IconQuestionMark, access: 'operator' },
  { path: '/cluster', label: 'Cluster', icon: IconServer, access: 'operator' },
  { path: '/locks', label: 'Locks', icon: IconLock, access: 'caller' },
  { path: '/audits', label: 'Audits', icon: IconReportSearch, access: 'operator' },
];

const pageAt = (location: string): Page | undefined =>
  PAGES.find(({ path }) => (path === '/' ? location === '/' : location === path || location.startsWith(`${path}/`)));

export function Console() {
  const { state, error, retry, signOut } = useSession();
  if (state === 'needs-credentials') return <SignIn />;
  if (state === 'known') return <Shell />;
  return (
    <Center mih="100vh" p="md" component="main">
      {state === 'asking' ? (
        <Loader aria-label="Loading" />
      ) : (
        <Stack align="center">
          {error && <Failure error={error} />}
          <Group>
            <Button onClick={retry}>Try again</Button>
            <Button variant="default" onClick={signOut}>
              Sign in as somebody else
            </Button>
          </Group>
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
        <LostContact />
        <Allowed>
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
        </Allowed>
      </AppShell.Main>
    </AppShell>
  );
}

/** The page, for those who may see it. A caller, who may not see the overview, begins with its transactions. */
function Allowed({ children }: { readonly children: ReactNode }) {
  const [location] = useLocation();
  const { may } = useSession();
  const page = pageAt(location);
  if (page && !may(page.access)) {
    if (page.path === '/' && may('caller')) return <Redirect to="/transactions" replace />;
    return (
      <>
        <PageHead title={page.label} />
        <Failure error={new CallFailed(403, `This page asks for the role ${page.access}.`)} />
      </>
    );
  }
  return <Suspense fallback={<Loader aria-label="Loading" />}>{children}</Suspense>;
}

/** Stands above every page for as long as nobody answers; what is read again and again finds out when somebody does. */
function LostContact() {
  const isLost = useSyncExternalStore(contact.subscribe, contact.isLost);
  if (!isLost) return null;
  return (
    <Alert variant="outline" color="red" title="The coordinator does not answer" role="alert" mb="md">
      What is shown is what was last known. It is tried again and again.
    </Alert>
  );
}

function Pages({ onChoose }: { readonly onChoose: () => void }) {
  const [location] = useLocation();
  const { may } = useSession();
  const shown = pageAt(location);
  return PAGES.filter(({ access }) => may(access)).map(({ path, label, icon: Icon }) => {
    const isActive = path === shown?.path;
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
