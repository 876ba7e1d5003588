import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { isPortFree } from '../scripts/lib/ports.mjs';
import { installIntoEmptyProject, userEnvironment } from './packages/empty-project.mjs';
import { importsFrom } from './packages/imports.mjs';
import { call } from './product/api.mjs';
import { eventually, startProduct } from './product/product.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const consumer = join(root, 'test/packages/consumer');
const compiler = join(root, 'node_modules/typescript/bin/tsc');

/** What is published for users, and what these are made of. */
const FOR_USERS = ['client', 'participant', 'protocol', 'raft'];
const PUBLISHED = [...FOR_USERS, 'snapshot', 'transport'];
/** What the READMEs say to install, and what TypeScript wants beside. */
const INSTALLED = [
  ...FOR_USERS.map((name) => `@concordat/${name}`),
  ...['@nestjs/common', '@nestjs/core', '@nestjs/microservices', '@nestjs/platform-fastify'],
  ...['reflect-metadata', 'rxjs', 'typeorm', 'zod', '@types/node'],
];

type Project = Awaited<ReturnType<typeof installIntoEmptyProject>>;
let project: Project;
let product: Awaited<ReturnType<typeof startProduct>>;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  const packages = PUBLISHED.map((name) => `libs/${name}`);
  // Before what follows, which would do it twice at once.
  execFileSync(process.execPath, [join(root, 'scripts/build-packages.mjs')], { env: userEnvironment() });
  [project, product] = await Promise.all([
    installIntoEmptyProject({ root, packages, install: INSTALLED }),
    startProduct(),
  ]);
}, 400_000);

afterAll(async () => {
  await Promise.all([...running].map((child) => end(child, 'SIGTERM')));
  await project?.remove();
  expect(await product?.stop()).toBe(0);
}, 60_000);

describe('the workspaces', () => {
  it('are private, but for the packages that are published', async () => {
    const paths = ['libs', 'apps'].map(async (group) =>
      (await readdir(join(root, group))).map((name) => [group, name]),
    );
    const open = [];
    for (const [group, name] of (await Promise.all(paths)).flat() as [string, string][]) {
      const text = await readFile(join(root, group, name, 'package.json'), 'utf8').catch(() => '{"private":true}');
      if (!JSON.parse(text).private) open.push(name);
    }
    expect(open.sort()).toEqual(PUBLISHED);
  });
});

describe.each(PUBLISHED)('the tarball of @concordat/%s', (name) => {
  const installed = () => join(project.directory, 'node_modules/@concordat', name);
  const manifest = async () => JSON.parse(await readFile(join(installed(), 'package.json'), 'utf8'));

  it('has code, types, readme, licence and changelog, and nothing of the tests', () => {
    const files = project.tarballs.get(`@concordat/${name}`) ?? [];
    const wanted = ['README.md', 'LICENSE', 'CHANGELOG.md', 'package.json', 'dist/index.js', 'dist/index.d.ts'];
    expect(wanted.filter((file) => !files.includes(file))).toEqual([]);
    expect(files.filter((file) => /\.test\.|(^|\/)(test|testdata|fixtures|scenarios)\//.test(file))).toEqual([]);
  });

  it('has pages whose links lead to what it brings along', async () => {
    const files = project.tarballs.get(`@concordat/${name}`) ?? [];
    const broken: string[] = [];
    for (const page of files.filter((file) => file.endsWith('.md'))) {
      const text = await readFile(join(installed(), page), 'utf8');
      for (const [, target = ''] of text.matchAll(/\]\(([^)#\s]+)/g)) {
        const path = join(dirname(page), target);
        if (!/^[a-z]+:/.test(target) && !files.includes(path)) broken.push(`${page}: ${target}`);
      }
    }
    expect(broken).toEqual([]);
  });

  it('can be published with provenance, and its version is in the changelog', async () => {
    const { version, license, engines, publishConfig } = await manifest();
    expect([license, publishConfig]).toEqual(['Apache-2.0', { access: 'public', provenance: true }]);
    expect(engines.node).toBeTruthy();
    expect(await readFile(join(installed(), 'CHANGELOG.md'), 'utf8')).toContain(`\n## ${version}\n`);
  });

  it('is a package that tools understand: publint finds nothing', async () => {
    const { messages, pkg } = await publint({ pkgDir: installed(), pack: false, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg ?? {}))).toEqual([]);
  });

  it('imports nothing that it does not depend on', async () => {
    const { dependencies = {}, peerDependencies = {} } = await manifest();
    const known = Object.keys({ ...dependencies, ...peerDependencies });
    const dist = project.tarballs.get(`@concordat/${name}`)?.filter((file) => /^dist\/.*\.js$/.test(file)) ?? [];
    const { packages } = await importsFrom(dist.map((file) => join(installed(), file)));
    expect([...packages].filter((one) => !one.startsWith('node:') && !known.includes(one))).toEqual([]);
  });
});

describe('in an empty project', () => {
  beforeAll(async () => {
    for (const file of await readdir(consumer)) await copyFile(join(consumer, file), join(project.directory, file));
    await project.write('seats.ts', await example('participant', 'ts'));
    for (const name of ['client', 'protocol', 'raft']) await project.write(`${name}.mjs`, await example(name, 'js'));
  });

  it('npm finds every dependency in place', async () => {
    const { code, output } = await project.run('npm', 'ls', '--all', '--json');
    expect([code, JSON.parse(output.slice(output.indexOf('{'), output.lastIndexOf('}') + 1)).problems]).toEqual([
      0,
      undefined,
    ]);
  });

  it('TypeScript compiles their callers, by the rules of Node and by those of bundlers', async () => {
    const both = ['tsconfig.json', 'tsconfig.bundler.json'].map((file) =>
      project.run(process.execPath, compiler, '-p', file, '--pretty', 'false'),
    );
    expect(await Promise.all(both)).toEqual([
      { code: 0, output: '' },
      { code: 0, output: '' },
    ]);
  }, 300_000);

  it('the main entry of the client leads to nothing but its own files, so that a browser can load it', async () => {
    const entry = join(project.directory, 'node_modules/@concordat/client/dist/index.js');
    const { files, packages } = await importsFrom([entry]);
    expect([...packages]).toEqual([]);
    expect(files.size).toBeGreaterThan(10);
  });

  it('the example of the protocol prints what its README says', async () => {
    const { code, output } = await project.run(process.execPath, 'protocol.mjs');
    expect([code, output]).toEqual([0, expect.stringContaining('"vote":"prepared"')]);
    expect(output).toContain('Invalid input');
  });

  it('the example of raft counts on when its leader is killed', async () => {
    const seen: { leader: number; count: number }[] = [];
    const env = { COUNTER_PORT: String(await threeFreePorts()), COUNTER_DATA: project.directory };
    const members = new Map([1, 2, 3].map((id) => [id, start(['raft.mjs', String(id)], env)]));
    for (const child of members.values()) child.stdout?.on('data', (chunk) => seen.push(...countsIn(`${chunk}`)));
    await eventually(async () => seen.length >= 2, 'two counts');
    const { leader, count } = seen.at(-1) as { leader: number; count: number };
    await end(members.get(leader) as ChildProcess, 'SIGKILL');
    await eventually(async () => seen.at(-1)?.leader !== leader, 'another leader');
    expect(seen.at(-1)?.count).toBeGreaterThan(count);
    await Promise.all([...members.values()].map((child) => end(child, 'SIGKILL')));
  }, 90_000);

  it('the example of the client prints what its README says, with the product running', async () => {
    const child = start(['client.mjs'], { CONCORDAT_URL: product.url });
    let output = '';
    child.stdout?.on('data', (chunk) => {
      output += chunk;
    });
    const [code] = await once(child, 'close');
    expect([code, output]).toEqual([0, 'east 90, west 10\nrefused: insufficient-funds\n']);
  }, 60_000);

  it('the participant of the README joins the product, and a Nest caller books a seat there once', async () => {
    const { postgres, kafka } = await product.run();
    const env = { DATABASE_URL: await createDatabase(postgres.url, 'seats'), KAFKA_BROKERS: kafka.brokers };
    const seats = start(['seats.js'], { ...env, PORT: '0', LOG_LEVEL: 'warn' });
    let failed = '';
    seats.once('exit', (code) => {
      failed = `it ended with ${code}`;
    });
    await eventually(async () => {
      if (failed) throw new Error(failed);
      const { status, body } = await call(`${product.url}/v1/participants/seats`);
      return status === 200 && body.health === 'up';
    }, 'the participant to be known');
    const caller = start(['nest-caller.js'], { CONCORDAT_URL: product.url });
    let output = '';
    caller.stdout?.on('data', (chunk) => {
      output += chunk;
    });
    const [code] = await once(caller, 'close');
    expect([code, output]).toEqual([0, '1: booked\n2: seat-taken\n']);
    await end(seats, 'SIGTERM');
  }, 120_000);
});

/** @returns the first example in a language, out of the README as it is in the tarball */
async function example(name: string, language: string): Promise<string> {
  const readme = await readFile(join(project.directory, 'node_modules/@concordat', name, 'README.md'), 'utf8');
  const [, code] = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(readme) ?? [];
  if (!code) throw new Error(`the README of ${name} has no example in ${language}`);
  return code;
}

function start(words: string[], env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, words, {
    cwd: project.directory,
    env: { ...userEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

function countsIn(text: string): { leader: number; count: number }[] {
  const counts = text.matchAll(/member (\d) leads: \{[^}]*outcome: 'committed'[^}]*result: (\d+)\s*\}/g);
  return [...counts].map(([, leader, count]) => ({ leader: Number(leader), count: Number(count) }));
}

async function createDatabase(postgresUrl: string, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: postgresUrl });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  return Object.assign(new URL(postgresUrl), { pathname: `/${name}` }).href;
}

/** @returns the first of three neighbouring ports that nobody listens at */
async function threeFreePorts(): Promise<number> {
  for (let port = 41_000 + (process.pid % 4_000); ; port += 3) {
    const free = await Promise.all([port, port + 1, port + 2].map(isPortFree));
    if (free.every(Boolean)) return port;
  }
}
