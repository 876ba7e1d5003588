import { readTransportEnvironment, type TransportEnvironment } from '@concordat/participant';
import { z } from 'zod';

const schema = z.object({
  /** Loopback unless told: these examples ask nobody who they are. */
  HOST: z.string().default('127.0.0.1'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(3001),
  PARTICIPANT_NAME: z.string().default('accounts'),
  DATABASE_URL: z.string().min(1, 'set it to postgres://user:password@host:port/database'),
  KAFKA_BROKERS: z.string().min(1, 'set it to host:port, several separated by commas'),
  COORDINATOR_URLS: z
    .string('set it to http://host:port of a coordinator, several separated by commas')
    .transform((text) => text.split(',').map((url) => url.trim()))
    .refine((urls) => urls.every((url) => /^https?:$/.test(URL.parse(url)?.protocol ?? '')), 'these are no URLs'),
  /** File with the API key that coordinators ask for. */
  COORDINATOR_API_KEY_FILE: z.string().optional(),
  KAFKA_CLIENT: z.enum(['kafkajs', 'platformatic']).optional(),
});

export interface Configuration extends TransportEnvironment {
  readonly host: string;
  readonly port: number;
  readonly participant: string;
  readonly databaseUrl: string;
  readonly brokers: string;
  /** Asked what became of transactions. */
  readonly coordinators: readonly string[];
  readonly coordinatorApiKeyFile: string | undefined;
  readonly kafkaClient: 'kafkajs' | 'platformatic' | undefined;
}

/** Reads the environment; throws one sentence for each variable that is wrong. */
export function readConfiguration(env: NodeJS.ProcessEnv): Configuration {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    throw new Error(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
  }
  const { HOST, PORT, PARTICIPANT_NAME, DATABASE_URL, KAFKA_BROKERS, COORDINATOR_URLS, KAFKA_CLIENT } = parsed.data;
  return {
    host: HOST,
    port: PORT,
    participant: PARTICIPANT_NAME,
    databaseUrl: DATABASE_URL,
    brokers: KAFKA_BROKERS,
    coordinators: COORDINATOR_URLS,
    coordinatorApiKeyFile: parsed.data.COORDINATOR_API_KEY_FILE,
    kafkaClient: KAFKA_CLIENT,
    ...readTransportEnvironment(given),
  };
}
