// A participant that nobody starts again: it dies, returns and takes leave when a test says so.
import { join } from 'node:path';
import { launchApp } from '../../scripts/lib/app.mjs';
import { freePort } from '../../scripts/lib/ports.mjs';
import { participantEnvironment } from '../../scripts/lib/topology.mjs';
import { query } from './checks.mjs';

/**
 * A bank beside those of the product, with a database of its own; not running yet.
 * @param {import('./product.mjs').Product} product
 * @param {string} name
 */
export async function mortalBank(product, name) {
  const { postgres, kafka, coordinators } = await product.run();
  const database = name.replaceAll('-', '_');
  await query(postgres.url, `CREATE DATABASE ${database}`);
  const databaseUrl = Object.assign(new URL(postgres.url), { pathname: `/${database}` }).href;
  const coordinatorUrls = coordinators.map(({ url }) => url);
  let running;
  return {
    name,
    async start() {
      const port = await freePort();
      running = await launchApp({
        app: 'accounts',
        env: participantEnvironment(process.env, { name, port, databaseUrl, brokers: kafka.brokers, coordinatorUrls }),
        log: join(product.dataDirectory, 'logs', `${name}.log`),
        dataDirectory: product.dataDirectory,
      });
    },
    /** SIGKILL: without a word. */
    async kill() {
      running?.kill();
      await running?.exited;
    },
    /** SIGTERM: in good order. */
    stop: () => running?.stop(),
  };
}
