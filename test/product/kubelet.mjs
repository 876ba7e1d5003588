// Runs a pod of the chart as a plain process, the way Kubernetes would: the container's own command line and
// environment, its probes with their periods and thresholds, preStop, SIGTERM, the grace period. What a machine without
// Kubernetes has no counterpart for is put in its place: names become ports of this machine, mounts become directories.
import { spawn } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastLines } from '../../scripts/lib/log-files.mjs';
import { eventually } from './product.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const PATIENCE_MS = 120_000;
/** How long everyone who sends to a Service takes to hear of a change. */
const ENDPOINTS_MS = 1_000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @typedef {object} Place what a pod has of its own
 * @property {number} ordinal
 * @property {number} httpPort
 * @property {string} directory that its volumes are in
 * @property {Record<string, string>} files for read-only mounts, by path in the container
 */

export class Pod {
  /** Whether the readiness probe says so; a Service sends to ready pods only. */
  ready = false;
  /** What must not happen. @type {string[]} */ violations = [];
  #child;
  #exited = Promise.resolve();
  #probing;
  #terminating = false;

  /**
   * @param {any} template of the StatefulSet
   * @param {Place} place
   * @param {(text: string) => string} translate names and addresses of the cluster to those of this machine
   */
  constructor(template, place, translate) {
    this.place = place;
    this.spec = template.spec;
    [this.container] = template.spec.containers;
    this.translate = translate;
    this.name = `concordat-${place.ordinal}`;
    this.url = `http://127.0.0.1:${place.httpPort}`;
  }

  environment() {
    const env = { PATH: process.env.PATH };
    for (const { name, value, valueFrom } of this.container.env) {
      const field = valueFrom?.fieldRef.fieldPath ?? '';
      if (field.includes('pod-index')) env[name] = String(this.place.ordinal);
      else if (field === 'metadata.name') env[name] = this.name;
      else env[name] = value.replaceAll(/\$\((\w+)\)/g, (_, variable) => env[variable]);
    }
    for (const [name, value] of Object.entries(env)) env[name] = this.#here(value);
    return { ...env, HOST: '127.0.0.1', PORT: String(this.place.httpPort) };
  }

  /** A path below a mount is a path below this pod's directory. */
  #here(value) {
    const mount = this.container.volumeMounts.find(({ mountPath }) => value.startsWith(`${mountPath}/`));
    if (!mount) return this.translate(value);
    return this.place.files[value] ?? join(this.place.directory, mount.name, value.slice(mount.mountPath.length));
  }

  async start() {
    const log = join(this.place.directory, 'log.txt');
    await mkdir(dirname(log), { recursive: true });
    const output = await open(log, 'a');
    const [command, ...words] = this.container.command;
    this.#child = spawn(command === 'node' ? process.execPath : command, words, {
      cwd: root,
      env: this.environment(),
      stdio: ['ignore', output.fd, output.fd],
    });
    await output.close();
    const child = this.#child;
    this.#exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
    void this.#exited.then((ending) => {
      if (!this.#terminating) this.violations.push(`${this.name} ended by itself: ${ending}`);
    });
    this.#terminating = false;
    this.#probing = this.#probe();
  }

  /** Deletes the pod: out of the Service, preStop, SIGTERM, and SIGKILL when the grace period is over. */
  async terminate() {
    this.#terminating = true;
    const until = Date.now() + this.spec.terminationGracePeriodSeconds * 1000;
    void pause(ENDPOINTS_MS).then(() => {
      this.ready = false;
    });
    await this.#preStop();
    const termAt = Date.now();
    this.#child.kill('SIGTERM');
    const timeout = setTimeout(() => this.#child.kill('SIGKILL'), until - Date.now());
    const ending = await this.#exited;
    clearTimeout(timeout);
    await this.#probing;
    if (ending !== 0) {
      const words = (await lastLines(join(this.place.directory, 'log.txt'), 5)).join('\n');
      this.violations.push(`${this.name} stopped with ${ending}: ${words}`);
    }
    return { ending, stopMs: Date.now() - termAt };
  }

  /** At once, for the end of a test. */
  async kill() {
    this.#terminating = true;
    this.#child?.kill('SIGKILL');
    await this.#exited;
    await this.#probing;
  }

  untilReady() {
    return eventually(async () => this.ready, `${this.name} to be ready`, PATIENCE_MS);
  }

  #preStop() {
    const [command, ...words] = this.container.lifecycle.preStop.exec.command;
    return new Promise((resolve, reject) => spawn(command, words).once('exit', resolve).once('error', reject));
  }

  async #probe() {
    const { startupProbe, readinessProbe, livenessProbe } = this.container;
    const child = this.#child;
    const lives = () => child === this.#child && child.exitCode === null && child.signalCode === null;
    const goesOn = () => lives() && !this.#terminating;
    await watch(startupProbe, this.url, goesOn, (_, failures) => failures === 0);
    const readiness = watch(readinessProbe, this.url, goesOn, (ready) => {
      this.ready = ready;
    });
    const liveness = watch(livenessProbe, this.url, goesOn, (alive) => {
      if (!alive) this.violations.push(`${this.name} would have been restarted by its liveness probe`);
    });
    await Promise.all([readiness, liveness]);
  }
}

/** Probes until told to stop, or until `decide` answers true. It is told of the state that thresholds make of it. */
async function watch({ httpGet, periodSeconds, timeoutSeconds, failureThreshold }, url, goesOn, decide) {
  let failures = 0;
  while (goesOn()) {
    const signal = AbortSignal.timeout(timeoutSeconds * 1000);
    const passed = await fetch(`${url}${httpGet.path}`, { signal }).then(
      (response) => response.ok,
      () => false,
    );
    failures = passed ? 0 : failures + 1;
    const decided = passed || failures >= failureThreshold;
    if (goesOn() && decided && decide(passed, failures) === true) return;
    await pause(periodSeconds * 1000);
  }
}

/**
 * What a StatefulSet does when its template changes: the highest ordinal first, the next when the last is ready again.
 * @param {Pod[]} pods
 * @param {number} minReadySeconds
 */
export async function rollingUpdate(pods, minReadySeconds) {
  const stops = [];
  for (const pod of pods.toSorted((a, b) => b.place.ordinal - a.place.ordinal)) {
    stops.push(await pod.terminate());
    await pod.start();
    await pod.untilReady();
    await pause(minReadySeconds * 1000);
  }
  return stops;
}

/** Picks a pod as a Service does; where none is ready, one whose answer, or whose silence, lets the client come again. @param {Pod[]} pods */
export function serviceOf(pods) {
  return () => {
    const ready = pods.filter((pod) => pod.ready);
    const endpoints = ready.length > 0 ? ready : pods;
    return endpoints[Math.floor(Math.random() * endpoints.length)].url;
  };
}
