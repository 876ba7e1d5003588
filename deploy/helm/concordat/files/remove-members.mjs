// Run before an upgrade: removes the members whose pods a smaller number of replicas takes away. Without this the
// cluster would go on counting them and could lose its majority. Ends at once when there are none.
import { readFileSync } from 'node:fs';

const { CONCORDAT_URL: url, REPLICAS, TIMEOUT_MS = '120000', API_KEY_FILE } = process.env;
const authorization = API_KEY_FILE && `Bearer ${readFileSync(API_KEY_FILE, 'utf8').trim()}`;
const replicas = Number(REPLICAS);
const RETRY_MS = 1000;
const CALL_MS = 10_000;

const end = Date.now() + Number(TIMEOUT_MS);
for (;;) {
  const { done, reason } = await round().catch((error) => ({ done: false, reason: error.message }));
  if (done) break;
  if (Date.now() > end) {
    console.error(`Gave up: ${reason}. Mend the cluster first, or set removeMembers.enabled=false if you know better.`);
    process.exit(1);
  }
  await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
}

/** One step: whoever goes hands leadership over first, then leaves. */
async function round() {
  const { leader, members } = await call('GET', '/v1/cluster');
  const gone = members.filter(({ nodeId }) => nodeId > replicas);
  if (gone.length === 0) {
    console.log(`${members.length} members, none beyond replica ${replicas}`);
    return { done: true };
  }
  if (gone.some(({ id }) => id === leader)) {
    const next = members.find(({ nodeId, role }) => nodeId <= replicas && role === 'follower');
    if (!next) throw new Error('no member that stays can lead');
    console.log(`handing leadership to replica ${next.nodeId}`);
    await call('POST', '/v1/cluster/transfer', { to: next.id });
    return { done: false, reason: 'leadership is being handed over' };
  }
  const [{ id, nodeId }] = gone;
  console.log(`removing replica ${nodeId} (member ${id})`);
  await call('DELETE', `/v1/cluster/members/${id}`);
  return { done: false, reason: `replica ${nodeId} is being removed` };
}

async function call(method, path, body) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { ...(authorization && { authorization }), ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(CALL_MS),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 500)}`);
  return JSON.parse(text);
}
