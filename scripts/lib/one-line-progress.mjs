// Progress of one long step with Node's own means, for the time before anything is installed.

const REDRAW_MS = 120;
const BAR_WIDTH = 24;
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** Milliseconds as people read them. */
export const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

/**
 * A line that redraws itself in a terminal; elsewhere one line at the beginning, one per tenth, one at the end.
 * @param {string} title
 */
export function oneLineProgress(title) {
  const started = performance.now();
  const elapsed = () => seconds(performance.now() - started);
  const interactive = process.stdout.isTTY === true;
  let share = 0;
  let frame = 0;
  let tenthsTold = 0;

  const draw = () => {
    frame = (frame + 1) % FRAMES.length;
    const filled = Math.round(share * BAR_WIDTH);
    const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`;
    process.stdout.write(`\r\x1b[2K${FRAMES[frame]} ${title} ${bar} ${Math.floor(share * 100)} % ${elapsed()}`);
  };
  const timer = interactive ? setInterval(draw, REDRAW_MS) : undefined;
  if (!interactive) console.log(`… ${title}`);

  const say = (line) => {
    if (interactive) process.stdout.write('\r\x1b[2K');
    console.log(line);
  };
  const end = (line) => {
    clearInterval(timer);
    say(line);
  };
  return {
    /** @param {number} newShare from 0 to 1 */
    update(newShare) {
      share = newShare;
      const tenths = Math.floor(share * 10);
      if (interactive || tenths <= tenthsTold) return;
      tenthsTold = tenths;
      console.log(`  ${tenths * 10} %`);
    },
    /** @param {string} text a line that stays */
    say: (text) => say(`  ${text}`),
    /** @param {string} text */
    done: (text) => end(`✓ ${text} (${elapsed()})`),
    failed: () => end(`✗ ${title} (${elapsed()})`),
  };
}
