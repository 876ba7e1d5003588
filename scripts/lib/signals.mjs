// Ctrl-C and its relatives: the first asks for an orderly stop, a second one for an end at once.

/** One Ctrl-C arrives twice, from the terminal and again from npm; a person does not press that fast. */
const SAME_PRESS_MS = 500;
const PARENT_CHECK_MS = 500;

/** @param {{ onStop: (signal: string) => void, onKill: () => void }} handlers */
export function onStopSignals({ onStop, onKill }) {
  let firstAt;
  const handle = (signal) => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      onStop(signal);
    } else if (now - firstAt > SAME_PRESS_MS) onKill();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => handle(signal));
  // Started through an older Node: that process was killed, and with it whoever would pass signals on.
  if (process.channel) {
    process.once('disconnect', () => handle('SIGHUP'));
    process.channel.unref();
  }
  // npm was killed, and nobody would ever stop what it ran.
  if (process.env.npm_lifecycle_event) {
    const parent = process.ppid;
    const watch = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(watch);
      if (firstAt === undefined) handle('SIGHUP');
    }, PARENT_CHECK_MS);
    watch.unref();
  }
  // A terminal that has been closed must not keep the stop from coming to its end.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}
