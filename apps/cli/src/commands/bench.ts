import { readFile } from 'node:fs/promises';
import type { BranchRequest } from '@concordat/client';
import { type BenchResult, runLoad } from '../bench-load.js';
import { parseTemplate, prepareTransfers, templateWork, type Work } from '../bench-work.js';
import type { Command, Given } from '../command.js';
import { CommandFailure, usage } from '../failure.js';
import { fieldLines } from '../table.js';
import { countInWords } from '../words.js';

const SECONDS = { default: 10, max: 600 };
const CLIENTS = { default: 16, max: 256 };
const PROGRESS_EVERY_MS = 200;

export const benchCommand: Command = {
  words: ['bench'],
  summary: 'Makes transactions for a short time against a running coordinator, and tells rate and latencies.',
  options: {
    seconds: { value: 'N', summary: `how long, up to ${SECONDS.max}; ${SECONDS.default} when left out` },
    clients: {
      value: 'N',
      summary: `how many at a time, each one transaction after the other, up to ${CLIENTS.max}; ${CLIENTS.default} when left out`,
    },
    branches: {
      value: 'FILE',
      summary:
        'JSON list of the branches {participant, operation, input} of each transaction, {{id}} in a text being another ' +
        'id each time; left out: transfers between accounts that it opens at participants with open, debit and credit',
    },
    wait: {
      value: 'HOW-FAR',
      summary: 'what a transaction is waited for; decided when left out',
      choices: ['decided', 'completed'],
    },
  },
  calls: true,
  run: bench,
};

async function bench(given: Given): Promise<void> {
  const { terminal, one } = given;
  const seconds = bounded(given, 'seconds', SECONDS);
  const clients = bounded(given, 'clients', CLIENTS);
  const file = one('branches');
  const template = file === undefined ? undefined : await readTemplate(file);
  const { client } = await given.coordinator();
  const work: Work = template
    ? templateWork(template)
    : await prepareTransfers(client, clients, (done) =>
        terminal.progress(`opening accounts: ${done} of ${clients}`, done / clients),
      );
  const startedAt = performance.now();
  let done = 0;
  const progress = setInterval(() => {
    const passed = (performance.now() - startedAt) / 1_000;
    terminal.progress(`${done} transactions, ${(done / passed).toFixed(0)} per second`, passed / seconds);
  }, PROGRESS_EVERY_MS);
  let result: BenchResult;
  try {
    const wait = one('wait') as 'decided' | 'completed' | undefined; // one of its choices
    const onEnd = () => {
      done += 1;
    };
    result = await runLoad({ client, clients, seconds, work, wait, onEnd });
  } finally {
    clearInterval(progress);
  }
  terminal.result(result, inWords(given, result));
  if (result.committed === 0) {
    const [code = 'nothing ended'] = Object.keys(result.endedOtherwise);
    throw new CommandFailure('refused', `No transaction was committed: ${code}.`, 'Next: concordat status');
  }
}

function bounded({ number }: Given, name: string, { default: usual, max }: typeof SECONDS): number {
  const value = number(name) ?? usual;
  if (value < 1 || value > max) throw usage(`--${name} is from 1 to ${max}.`);
  return value;
}

async function readTemplate(file: string): Promise<readonly BranchRequest[]> {
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new CommandFailure('usage', `${file} cannot be read.`, 'Name a file with a JSON list of branches.', {
      cause,
    });
  });
  return parseTemplate(text, file);
}

function inWords({ terminal }: Given, result: BenchResult): string[] {
  const { p50, p90, p99, max } = result.latencyMs ?? { p50: 0, p90: 0, p99: 0, max: 0 };
  const otherwise = Object.entries(result.endedOtherwise).map(([code, count]) => `${count} ${code}`);
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  return fieldLines(terminal, [
    ['committed', `${result.committed} in ${result.seconds.toFixed(1)} s by ${countInWords(result.clients, 'client')}`],
    ['rate', { text: `${result.ratePerSecond.toFixed(1)} per second`, style: 'strong' }],
    ['latency', result.latencyMs ? `p50 ${ms(p50)}, p90 ${ms(p90)}, p99 ${ms(p99)}, max ${ms(max)}` : 'none'],
    ['otherwise', otherwise.length > 0 ? { text: otherwise.join(', '), style: 'attention' } : 'none'],
  ]);
}
