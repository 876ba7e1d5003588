import { readTransportEnvironment, type TransportEnvironment, TransportEnvironmentError } from '@concordat/transport';
import { z } from 'zod';
import { ConfigError } from './config-error.js';
import { type CredentialsConfig, credentialsShape, readCredentials } from './credentials-config.js';

const DAY_MS = 24 * 60 * 60 * 1000;

/** What the environment says, read once at start. */
export interface Config {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly databaseUrl: string;
  /** Addresses as `host:port`. */
  readonly kafkaBrokers: readonly string[];
  readonly kafkaClient: 'kafkajs' | 'platformatic' | undefined;
  /** How Kafka knows us and we it. */
  readonly kafkaSecurity: TransportEnvironment['security'];
  /** The file with all participants' keys: with it messages are signed and verified. */
  readonly messageKeys: TransportEnvironment['messageKeys'];
  /** Holds the decision log; belongs to one replica. */
  readonly dataDirectory: string;
  readonly nodeId: number;
  readonly logLevel: string;
  /** How long completed transactions are kept. */
  readonly retentionMs: number;
  /** How long an idempotency key stands for its transaction. */
  readonly idempotencyKeyMs: number;
  /** Bound on transactions that are not finished. */
  readonly inFlightMax: number;
  /** How long a stop waits for decisions (D10). */
  readonly stopGraceMs: number;
  /** Node id to host:port of every replica, own included; empty for a cluster of one. */
  readonly peers: ReadonlyMap<number, string>;
  /** host:port to listen at for other replicas. */
  readonly raftListen: string;
  /** Where callers and other replicas reach this one; undefined takes the address it listens at. */
  readonly advertisedUrl: string | undefined;
  readonly electionTimeoutMs: number;
  /** PEM files: with them replicas speak mutual TLS. */
  readonly tlsFiles: { readonly authority: string; readonly certificate: string; readonly key: string } | undefined;
  /** What callers are to show; undefined lets in everybody, on loopback only. */
  readonly credentials: CredentialsConfig | undefined;
}

export { ConfigError };

const integer = (min: number, max: number) =>
  z.coerce
    .number(`a whole number from ${min} to ${max}`)
    .pipe(
      z
        .int(`a whole number from ${min} to ${max}`)
        .min(min, `a whole number from ${min} to ${max}`)
        .max(max, `a whole number from ${min} to ${max}`),
    );

const postgresUrl = z.string('a Postgres URL such as postgres://user:password@host:5432/database').refine((text) => {
  const url = URL.parse(text);
  return url !== null && /^postgres(ql)?:$/.test(url.protocol) && url.pathname.length > 1;
}, 'a Postgres URL such as postgres://user:password@host:5432/database');

const brokers = z
  .string('one or more host:port, separated by commas')
  .transform((text) => text.split(',').map((one) => one.trim()))
  .refine(
    (list) => list.every((one) => /^(\[[0-9a-fA-F:]+\]|[^\s:]+):\d{1,5}$/.test(one)),
    'one or more host:port, separated by commas',
  );

const peers = z
  .string('1=host:port,2=host:port,…')
  .transform((text) =>
    text.split(',').map((one) => /^([1-9]\d{0,5})=(\[[0-9a-fA-F:]+\]:\d{1,5}|[^\s:]+:\d{1,5})$/.exec(one.trim())),
  )
  .refine((list) => list.every((one) => one !== null), '1=host:port,2=host:port,…')
  .transform((list) => new Map(list.map((one) => [Number(one?.[1]), String(one?.[2])])));

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const environmentSchema = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: integer(0, 65_535).default(8080),
  DATABASE_URL: postgresUrl,
  KAFKA_BROKERS: brokers,
  KAFKA_CLIENT: z.enum(['kafkajs', 'platformatic'], 'kafkajs or platformatic').optional(),
  DATA_DIR: z.string().default('.data'),
  NODE_ID: integer(1, 1_000_000).default(1),
  LOG_LEVEL: z.enum(LEVELS, `one of ${LEVELS.join(', ')}`).default('info'),
  RETENTION_MS: integer(1_000, 3650 * DAY_MS).default(DAY_MS),
  IDEMPOTENCY_KEY_MS: integer(1_000, 3650 * DAY_MS).default(DAY_MS),
  IN_FLIGHT_MAX: integer(1, 1_000_000).default(10_000),
  STOP_GRACE_MS: integer(0, 600_000).default(10_000),
  PEERS: peers.optional(),
  RAFT_PORT: integer(0, 65_535).default(0),
  ADVERTISED_URL: z.url('the URL at which others reach this replica').optional(),
  ELECTION_TIMEOUT_MS: integer(100, 60_000).default(1000),
  TLS_CA_FILE: z.string().optional(),
  TLS_CERT_FILE: z.string().optional(),
  TLS_KEY_FILE: z.string().optional(),
  ...credentialsShape,
});

/**
 * Reads the environment. An empty variable counts as unset.
 * @throws ConfigError naming everything that is wrong at once; no value is repeated, since it may be a secret
 */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = environmentSchema.safeParse(set);
  if (!parsed.success) {
    const lines = parsed.error.issues.map(({ path, message }) => {
      const name = String(path[0]);
      return `${name} ${set[name] === undefined ? 'is not set' : 'cannot be used'}: expected ${message}`;
    });
    throw new ConfigError(lines.join('\n'));
  }
  const env = parsed.data;
  return {
    host: env.HOST,
    port: env.PORT,
    databaseUrl: env.DATABASE_URL,
    kafkaBrokers: env.KAFKA_BROKERS,
    kafkaClient: env.KAFKA_CLIENT,
    ...transportConfig(environment),
    dataDirectory: env.DATA_DIR,
    nodeId: env.NODE_ID,
    logLevel: env.LOG_LEVEL,
    retentionMs: env.RETENTION_MS,
    idempotencyKeyMs: env.IDEMPOTENCY_KEY_MS,
    inFlightMax: env.IN_FLIGHT_MAX,
    stopGraceMs: env.STOP_GRACE_MS,
    ...clusterConfig(env),
    credentials: readCredentials(env.HOST, env),
  };
}

function transportConfig(environment: NodeJS.ProcessEnv): Pick<Config, 'kafkaSecurity' | 'messageKeys'> {
  try {
    const { security, messageKeys } = readTransportEnvironment(environment);
    return { kafkaSecurity: security, messageKeys };
  } catch (error) {
    if (error instanceof TransportEnvironmentError) throw new ConfigError(error.message);
    throw error;
  }
}

function clusterConfig(
  env: z.infer<typeof environmentSchema>,
): Pick<Config, 'peers' | 'raftListen' | 'advertisedUrl' | 'electionTimeoutMs' | 'tlsFiles'> {
  const peers = env.PEERS ?? new Map<number, string>();
  if (peers.size > 0 && !peers.has(env.NODE_ID)) {
    throw new ConfigError(`PEERS does not name this replica: expected ${env.NODE_ID}=host:port among them (NODE_ID)`);
  }
  const files = [env.TLS_CA_FILE, env.TLS_CERT_FILE, env.TLS_KEY_FILE];
  const [authority, certificate, key] = files;
  if (files.some(Boolean) && !files.every(Boolean)) {
    throw new ConfigError('TLS_CA_FILE, TLS_CERT_FILE and TLS_KEY_FILE go together: set all three or none');
  }
  const raftPort = env.RAFT_PORT || Number(peers.get(env.NODE_ID)?.split(':').at(-1) ?? 0);
  return {
    peers,
    raftListen: `${env.HOST.includes(':') ? `[${env.HOST}]` : env.HOST}:${raftPort}`,
    advertisedUrl: env.ADVERTISED_URL?.replace(/\/$/, ''),
    electionTimeoutMs: env.ELECTION_TIMEOUT_MS,
    tlsFiles: authority && certificate && key ? { authority, certificate, key } : undefined,
  };
}
