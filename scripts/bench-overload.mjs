// npm run bench:overload: goodput and latency at multiples of the load that can be sustained, see docs/admission.md.
//
//   npm run bench:overload -- [--case empty|inventory] [--seconds N] [--rounds N] [--svg FILE] [--json]
//   --seconds: length of each step, default 5. --svg: where the picture goes, default nowhere.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { sayError } from './lib/say-error.mjs';
import { ensureReady } from './lib/setup.mjs';

const stdout = process.stdout.write.bind(process.stdout);

try {
  const { values } = parseArgs({
    options: {
      case: { type: 'string', default: 'inventory' },
      seconds: { type: 'string', default: '5' },
      rounds: { type: 'string', default: '1' },
      svg: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const [seconds, rounds] = [values.seconds, values.rounds].map(Number);
  if (!['empty', 'inventory'].includes(values.case)) throw new Error('--case is empty or inventory.');
  if (!(seconds > 0) || !Number.isInteger(rounds) || rounds < 1)
    throw new Error('--seconds and --rounds are numbers above 0.');
  if (values.json) process.stdout.write = process.stderr.write.bind(process.stderr);
  await ensureReady();
  const { complaintsAbout, runOverload } = await import('../bench/overload.mjs');
  const { overloadChart, overloadTable } = await import('../bench/overload-chart.mjs');
  const onStep = (step) => console.error(overloadTable([step]).split('\n').at(-1));
  const result = await runOverload({ case: values.case, seconds, rounds, onStep });
  if (values.json) stdout(`${JSON.stringify(result)}\n`);
  else {
    const { arrivals, returned, admittedAtOnce, toldMs, stillComingBack, lost } = result.polite;
    stdout(`\npeak ${Math.round(result.peak)}/s\n\n${overloadTable([...result.search, ...result.steps])}\n\n`);
    stdout(
      `polite callers at twice the peak for ${seconds} s: ${arrivals} calls, ${returned} told to come back (${JSON.stringify(toldMs)} ms), ` +
        `of which ${admittedAtOnce} got in when they did; at the end ${stillComingBack} still to come back, ${lost} unanswered\n`,
    );
  }
  if (values.svg !== undefined) {
    await writeFile(values.svg, overloadChart(result, `${values.case}: what is left of the goodput under overload`));
  }
  const complaints = complaintsAbout(result);
  for (const sentence of complaints) console.error(sentence);
  process.exitCode = complaints.length > 0 ? 1 : 0;
} catch (error) {
  console.error(sayError(error));
  process.exitCode = 1;
}
