import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { chartCases, digestIn, digestOf, helmDirectory, ofKind, renderedObjects } from './charts.mjs';
import { checkCustomResources } from './custom-resources.mjs';
import { root } from './setup.mjs';

const cases = await chartCases();
const everyCase = cases.map((one) => [one.name, one]);
const COORDINATOR_CASES = ['concordat.default', 'concordat.everything'];
/** For substitution in other values only. */
const OWN_VARIABLES = ['POD_NAME', 'NODE_OPTIONS'];

const coordinatorOf = async (name) => {
  const [set] = ofKind(await renderedObjects(name), 'StatefulSet');
  const { spec } = set.spec.template;
  return { set, spec, container: spec.containers[0] };
};
const read = (path) => readFile(join(root, path), 'utf8');
const valueIn = (container, name) => container.env.find((one) => one.name === name)?.value;

describe('the charts', () => {
  it.each(everyCase)('%s: the rendering that is kept is of the chart as it is', async (_, one) => {
    // If not: npm run verify:charts -- --write
    expect(digestIn(await readFile(one.rendering, 'utf8'))).toBe(await digestOf(one));
  });

  it.each([['concordat'], ['concordat-participant']])('%s: every value is in the schema', async (chart) => {
    const values = parse(await readFile(join(helmDirectory, chart, 'values.yaml'), 'utf8'));
    const schema = JSON.parse(await readFile(join(helmDirectory, chart, 'values.schema.json'), 'utf8'));
    expect(missingIn(schema, values)).toEqual([]);
  });

  it.each(everyCase)('%s: every container is confined, has bounds and runs as nobody in particular', async (name) => {
    const pods = (await renderedObjects(name)).map((object) => object.spec?.template?.spec).filter(Boolean);
    expect(pods.length).toBeGreaterThan(0);
    for (const pod of pods) {
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      expect(pod.automountServiceAccountToken).toBe(false);
      for (const { securityContext, resources } of [...pod.containers, ...(pod.initContainers ?? [])]) {
        expect(securityContext).toMatchObject({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(resources).toMatchObject({ requests: expect.anything(), limits: { memory: expect.anything() } });
      }
    }
  });

  it.each(everyCase)('%s: selectors find the pods they are meant for', async (name) => {
    const objects = await renderedObjects(name);
    const pods = objects.filter(({ kind }) => ['StatefulSet', 'Deployment'].includes(kind));
    const labels = pods[0].spec.template.metadata.labels;
    const selectors = objects
      .filter(({ kind }) =>
        ['Service', 'PodDisruptionBudget', 'NetworkPolicy', 'StatefulSet', 'Deployment'].includes(kind),
      )
      .map(({ kind, spec }) => (kind === 'Service' ? spec.selector : (spec.selector ?? spec.podSelector).matchLabels));
    for (const selector of selectors) expect(labels).toMatchObject(selector);
  });
});

describe('what the charts have for the Prometheus operator', () => {
  it('fits the schemas of its CRDs', async () => {
    const results = await Promise.all(cases.map(async ({ name }) => checkCustomResources(await renderedObjects(name))));
    expect(results.flatMap(({ faults }) => faults)).toEqual([]);
    const kinds = results.flatMap(({ checked }) => checked.map((name) => name.split(' ')[0]));
    expect(kinds.sort()).toEqual(['PrometheusRule', 'ServiceMonitor', 'ServiceMonitor']);
  });

  it('is refused where a field is unknown, of another type, or of an unknown kind', async () => {
    const [monitor] = ofKind(await renderedObjects('concordat.everything'), 'ServiceMonitor');
    const { checked, faults } = await checkCustomResources([
      { ...monitor, spec: { ...monitor.spec, endpoint: [] } },
      { ...monitor, spec: { ...monitor.spec, endpoints: [{ port: 8080, interval: 'often' }] } },
      { ...monitor, kind: 'PodMonitor' },
    ]);
    expect(checked).toHaveLength(3);
    expect(faults).toEqual([
      expect.stringMatching(/\/spec: must NOT have additional properties endpoint$/),
      expect.stringMatching(/\/endpoints\/0\/interval: must match pattern/),
      expect.stringMatching(/\/endpoints\/0\/port: must be string/),
      expect.stringMatching(/there is no schema of monitoring.coreos.com\/v1 PodMonitor$/),
    ]);
  });

  it('scrapes ports that the Services have, at paths that are served', async () => {
    const { paths } = JSON.parse(await read('apps/coordinator/openapi.json'));
    for (const { name } of cases) {
      const objects = await renderedObjects(name);
      for (const { spec } of ofKind(objects, 'ServiceMonitor')) {
        const services = ofKind(objects, 'Service').filter(({ metadata }) => contains(metadata.labels, spec.selector));
        expect(services).toHaveLength(1);
        for (const { port, path } of spec.endpoints) {
          expect(services[0].spec.ports.map((one) => one.name)).toContain(port);
          expect(paths).toHaveProperty([path, 'get']);
        }
      }
    }
  });
});

const contains = (labels, { matchLabels }) =>
  Object.entries(matchLabels).every(([label, value]) => labels[label] === value);

describe.each(COORDINATOR_CASES)('the coordinators of %s', (name) => {
  it('are told nothing that the coordinator does not know', async () => {
    const sources = await Promise.all(
      ['config', 'credentials-config'].map((file) => read(`apps/coordinator/src/config/${file}.ts`)),
    );
    const known = [...sources.join('\n').matchAll(/^ {2}([A-Z_]+):/gm)].map(([, n]) => n);
    known.push(...(await read('libs/transport/src/environment.ts')).match(/\b(KAFKA|MESSAGE_KEYS)_[A-Z_]+\b/g));
    known.push(...(await read('libs/telemetry/src/environment.ts')).match(/\bOTEL_[A-Z_]+\b/g));
    const secrets = await read('apps/coordinator/src/config/secret-files.ts');
    const byFile = /const SECRETS = (\[.*\])/
      .exec(secrets)[1]
      .match(/\w+/g)
      .map((variable) => `${variable}_FILE`);
    const { container } = await coordinatorOf(name);
    const told = container.env.map((one) => one.name);
    expect(told.filter((variable) => ![...known, ...byFile, ...OWN_VARIABLES].includes(variable))).toEqual([]);
  });

  it('are probed at paths that they serve', async () => {
    const { paths } = JSON.parse(await read('apps/coordinator/openapi.json'));
    const { container } = await coordinatorOf(name);
    for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
      expect(paths[container[probe].httpGet.path]).toHaveProperty('get');
    }
  });

  it('find each other: as many peers as replicas, by the names that the headless Service gives from the first moment', async () => {
    const { set, container } = await coordinatorOf(name);
    const { replicas, serviceName, ordinals, podManagementPolicy } = set.spec;
    const peers = valueIn(container, 'PEERS').split(',');
    expect(ordinals.start).toBe(1);
    expect(podManagementPolicy).toBe('Parallel');
    expect(peers).toEqual(
      Array.from({ length: replicas }, (_, i) => `${i + 1}=concordat-${i + 1}.${serviceName}.payments.svc:7070`),
    );
    const service = ofKind(await renderedObjects(name), 'Service').find((one) => one.metadata.name === serviceName);
    expect(service.spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true });
    expect(container.ports).toContainEqual({ name: 'raft', containerPort: Number(valueIn(container, 'RAFT_PORT')) });
    expect(container.ports).toContainEqual({ name: 'http', containerPort: Number(valueIn(container, 'PORT')) });
  });

  it('have time to stop: preStop and the grace of decisions fit into what Kubernetes waits', async () => {
    const { spec, container } = await coordinatorOf(name);
    const preStopMs = Number(container.lifecycle.preStop.exec.command[1]) * 1000;
    const needed = preStopMs + Number(valueIn(container, 'STOP_GRACE_MS'));
    expect(spec.terminationGracePeriodSeconds * 1000).toBeGreaterThanOrEqual(needed + 5000);
  });

  it('write to volumes only, and read secrets from files', async () => {
    const { set, spec, container } = await coordinatorOf(name);
    const mounts = container.volumeMounts.filter(({ readOnly }) => !readOnly).map(({ mountPath }) => mountPath);
    expect(mounts.some((path) => valueIn(container, 'DATA_DIR').startsWith(`${path}/`))).toBe(true);
    expect(
      container.volumeMounts.some((one) => valueIn(container, 'DATABASE_URL_FILE').startsWith(`${one.mountPath}/`)),
    ).toBe(true);
    const volumes = [...spec.volumes, ...set.spec.volumeClaimTemplates.map(({ metadata }) => metadata)].map(
      (one) => one.name,
    );
    for (const mount of container.volumeMounts) expect(volumes).toContain(mount.name);
  });

  it('run what the image holds', async () => {
    const dockerfile = await read('deploy/docker/coordinator.Dockerfile');
    const { container } = await coordinatorOf(name);
    expect(dockerfile).toContain(`CMD ${JSON.stringify(container.command).replaceAll(',', ', ')}`);
  });
});

/** Paths of values that no property of the schema speaks of. */
function missingIn(schema, values, path = '') {
  if (values === null || typeof values !== 'object' || Array.isArray(values)) return [];
  if (!schema.properties) return [];
  return Object.entries(values).flatMap(([key, value]) =>
    key in schema.properties ? missingIn(schema.properties[key], value, `${path}${key}.`) : [`${path}${key}`],
  );
}
