// Loaded into a process with --import: writes a CPU profile of the time between one SIGCONT and the next.
// (Nest ends its applications at SIGUSR2, and SIGCONT harms nobody who does not listen.)
// BENCH_PROFILE_PREFIX says where; the files are numbered, and open in the developer tools of any Chromium.
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';

const SAMPLING_INTERVAL_US = 500;

const prefix = process.env.BENCH_PROFILE_PREFIX;
const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.setSamplingInterval', { interval: SAMPLING_INTERVAL_US });

let running = false;
let number = 0;

process.on('SIGCONT', () => {
  running = !running;
  if (running) {
    session.post('Profiler.start');
    return;
  }
  session.post('Profiler.stop', (error, result) => {
    if (error) return console.error('no profile:', error.message);
    number += 1;
    writeFileSync(`${prefix}.${number}.cpuprofile`, JSON.stringify(result.profile));
  });
});
