/** A broker that asks who one is: TLS with a certificate of its own authority, names and passwords, and an ACL. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admin } from '@platformatic/kafka';

interface Authority {
  issue(owner: string): Promise<{ TLS_CA_FILE: string; TLS_CERT_FILE: string; TLS_KEY_FILE: string }>;
}
type CreateAuthority = (directory: string, name: string) => Promise<Authority>;

export interface SecureBroker {
  /** Asks for TLS, a name and a password, and goes by the ACL. */
  readonly secureBrokers: string[];
  /** Asks for nothing; whoever comes here may do anything. */
  readonly openBrokers: string[];
  readonly directory: string;
  readonly authority: Authority;
  /** Allows a user operations on resources. */
  allow(user: string, rules: readonly AclRule[]): Promise<void>;
  close(): Promise<void>;
}

/** As in the table of docs/security-kafka.md. */
interface AclRule {
  readonly resource: 'topic' | 'group' | 'cluster';
  readonly name: string;
  /** Whether the name is only the beginning. */
  readonly prefixed?: boolean;
  readonly operations: readonly (keyof typeof operations)[];
}

/** Kafka's numbers. */
const resources = { topic: 2, group: 3, cluster: 4 } as const;
const operations = { Read: 3, Write: 4, Create: 5, Describe: 8 } as const;
const [literal, prefixedPattern, allowed] = [3, 4, 3];

export const passwordOf = (user: string) => `secret-of-${user}`;

export async function openSecureBroker(users: readonly string[]): Promise<SecureBroker> {
  const house = new URL('../../../', import.meta.url);
  const { startKafka } = await import(new URL('scripts/lib/kafka.mjs', house).href);
  const certificates = await import(new URL('test/product/certificates.mjs', house).href);
  const directory = await mkdtemp(join(tmpdir(), 'concordat-secure-kafka-'));
  const authority = await (certificates.createAuthority as CreateAuthority)(directory, 'house');
  const files = await authority.issue('broker');
  const keystore = join(directory, 'broker-keystore.pem');
  await writeFile(keystore, Buffer.concat([await readFile(files.TLS_KEY_FILE), await readFile(files.TLS_CERT_FILE)]));
  const logins = users.map((user) => `user_${user}="${passwordOf(user)}"`).join(' ');
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  const kafka = await startKafka({
    directory: join(directory, 'kafka'),
    heapMb: 256,
    properties: {
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
    },
    secureListener: {
      protocol: 'SASL_SSL',
      users: users.flatMap((user) =>
        ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map((kind) => `${kind}=[name=${user},password=${passwordOf(user)}]`),
      ),
      properties: {
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.location': keystore,
        'ssl.truststore.type': 'PEM',
        'ssl.truststore.location': files.TLS_CA_FILE,
        'ssl.client.auth': 'requested',
        'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
        'plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required ${logins};`,
        'scram-sha-256.sasl.jaas.config': scram,
        'scram-sha-512.sasl.jaas.config': scram,
      },
    },
  });
  const admin = new Admin({ clientId: 'acl', bootstrapBrokers: [kafka.brokers] });
  return {
    secureBrokers: [kafka.secureBrokers],
    openBrokers: [kafka.brokers],
    directory,
    authority,
    allow: (user, rules) => admin.createAcls({ creations: rules.flatMap((rule) => creationsOf(user, rule)) as never }),
    close: async () => {
      await admin.close();
      await kafka.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const creationsOf = (user: string, { resource, name, prefixed, operations: allowedOperations }: AclRule) =>
  allowedOperations.map((operation) => ({
    resourceType: resources[resource],
    resourceName: name,
    resourcePatternType: prefixed ? prefixedPattern : literal,
    principal: `User:${user}`,
    host: '*',
    operation: operations[operation],
    permissionType: allowed,
  }));
