// The coordinators of the rendered chart, with a real Kafka, a real Postgres and the example participants around them.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiKey } from '@concordat/coordinator-state';
import { planApps, startParticipant } from '../../scripts/lib/apps.mjs';
import { ofKind, renderedObjects } from '../../scripts/lib/charts.mjs';
import { createHouse } from '../../scripts/lib/house.mjs';
import { freePort } from '../../scripts/lib/ports.mjs';
import { provideKafka, providePostgres } from '../../scripts/lib/services.mjs';
import { useApiKey } from './api.mjs';
import { Pod, serviceOf } from './kubelet.mjs';

const quietly = { onProgress: () => {} };

/** @param {string} chartCase whose rendering is run */
export async function startPods(chartCase) {
  const directory = await mkdtemp(join(tmpdir(), 'concordat-pods-'));
  const house = createHouse(directory);
  const pods = [];
  const stop = async () => {
    useApiKey(undefined);
    await Promise.all(pods.map((pod) => pod.kill()));
    await house.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const [databases, brokers] = await Promise.all([providePostgres(house, quietly), provideKafka(house, quietly)]);
    const keys = await makeKeys(directory);
    useApiKey(keys.admin);
    const [set] = ofKind(await renderedObjects(chartCase), 'StatefulSet');
    const replicas = await Promise.all(
      Array.from({ length: set.spec.replicas }, async (_, index) => ({
        ordinal: set.spec.ordinals.start + index,
        httpPort: await freePort(),
        raftPort: await freePort(),
      })),
    );
    for (const replica of replicas) {
      const place = await placeOf(replica, join(directory, `pod-${replica.ordinal}`), databases, keys);
      pods.push(new Pod(set.spec.template, place, translator(set, replicas, replica, brokers)));
    }
    await Promise.all(pods.map((pod) => pod.start()));
    const coordinatorUrls = pods.map(({ url }) => url);
    const environment = { ...process.env, COORDINATOR_API_KEY_FILE: keys.participantFile };
    const plan = await planApps({ port: 0, replicas: undefined, demo: true, dataDirectory: directory });
    await Promise.all([
      ...plan.participants.map((one) =>
        startParticipant(house, one, { brokers, databases, coordinatorUrls, environment }),
      ),
      ...pods.map((pod) => pod.untilReady()),
    ]);
    const run = async () => JSON.parse(await readFile(join(directory, 'run.json'), 'utf8'));
    /** An empty volume and an empty database: what a pod finds that is scaled out anew. */
    const wipe = async (pod) => {
      await rm(pod.place.directory, { recursive: true, force: true });
      pod.place.files = await secretsOf(pod.place.directory, `concordat_${pod.place.ordinal}_again`, databases, keys);
    };
    return { set, pods, keys, url: coordinatorUrls[0], service: serviceOf(pods), run, wipe, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function placeOf({ ordinal, httpPort }, directory, databases, keys) {
  return { ordinal, httpPort, directory, files: await secretsOf(directory, `concordat_${ordinal}`, databases, keys) };
}

async function secretsOf(directory, database, databases, keys) {
  const file = join(directory, 'url');
  await mkdir(directory, { recursive: true });
  await writeFile(file, `${await databases.create(database)}\n`);
  return { '/etc/concordat/database/url': file, '/etc/concordat/keys/api-keys.json': keys.file };
}

/** What the Secret of the chart holds: hashes for the coordinators, keys for an administrator and for the participants. */
async function makeKeys(directory) {
  const [admin, participant] = ['admin', 'participant'].map((id) => ({ id, ...createApiKey(id) }));
  const file = join(directory, 'api-keys.json');
  const entryOf = ({ id, hash }) => ({ id, hash, caller: id, roles: [id], participants: id === 'admin' ? '*' : [] });
  await writeFile(file, JSON.stringify({ keys: [admin, participant].map(entryOf) }));
  const [adminFile, participantFile] = [join(directory, 'admin'), join(directory, 'participant')];
  await writeFile(adminFile, `${admin.key}\n`);
  await writeFile(participantFile, `${participant.key}\n`);
  return { file, admin: admin.key, adminFile, participantFile };
}

/** Names and ports of the cluster, as they are on this machine. */
function translator(set, replicas, own, brokers) {
  const domain = `${set.spec.serviceName}.payments.svc`;
  return (text) => {
    if (text === '7070') return String(own.raftPort);
    if (text.startsWith('kafka-0.')) return brokers;
    let here = text;
    for (const { ordinal, raftPort, httpPort } of replicas) {
      here = here
        .replaceAll(`${set.metadata.name}-${ordinal}.${domain}:7070`, `127.0.0.1:${raftPort}`)
        .replaceAll(`${set.metadata.name}-${ordinal}.${domain}:8080`, `127.0.0.1:${httpPort}`);
    }
    return here;
  };
}
