import { z } from 'zod';

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
  /** Holds the decision log; belongs to one replica. */
  readonly dataDirectory: string;
  readonly nodeId: number;
  readonly logLevel: string;
  /** How long completed transactions are kept. */
  readonly retentionMs: number;
  /** Bound on transactions that are not finished. */
  readonly inFlightMax: number;
  /** How long a stop waits for decisions (D10). */
  readonly stopGraceMs: number;
}

/** The environment cannot be used; the message names every variable that is wrong and what it should be. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

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
  RETENTION_MS: integer(1_000, 3650 * DAY_MS).default(7 * DAY_MS),
  IN_FLIGHT_MAX: integer(1, 1_000_000).default(10_000),
  STOP_GRACE_MS: integer(0, 600_000).default(10_000),
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
    dataDirectory: env.DATA_DIR,
    nodeId: env.NODE_ID,
    logLevel: env.LOG_LEVEL,
    retentionMs: env.RETENTION_MS,
    inFlightMax: env.IN_FLIGHT_MAX,
    stopGraceMs: env.STOP_GRACE_MS,
  };
}
