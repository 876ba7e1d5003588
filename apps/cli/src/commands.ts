import type { Command } from './command.js';
import { auditCommands } from './commands/audit.js';
import { benchCommand } from './commands/bench.js';
import { clusterCommands } from './commands/cluster.js';
import { inDoubtCommand } from './commands/in-doubt.js';
import { locksCommand } from './commands/locks.js';
import { participantsCommand } from './commands/participants.js';
import { stateCommands } from './commands/state.js';
import { statusCommand } from './commands/status.js';
import { transactionCommands } from './commands/transactions.js';
import { completionScript, SHELLS, type Shell } from './completion.js';

/** All that there is, in the order in which help shows it. */
export const commands: readonly Command[] = [
  statusCommand,
  ...transactionCommands,
  inDoubtCommand,
  participantsCommand,
  ...clusterCommands,
  locksCommand,
  ...auditCommands,
  benchCommand,
  ...stateCommands,
  ...SHELLS.map(
    (shell: Shell): Command => ({
      words: ['completion', shell],
      summary: `Prints the completion of commands and options for ${shell}.`,
      options: {},
      run: async ({ terminal }) => {
        const script = completionScript(shell, commands);
        terminal.result({ shell, script }, [script]);
      },
    }),
  ),
];
