import type { ExecuteCommand } from '@concordat/protocol';
import type { ExecuteHandler } from './isolation.js';
import { NO_SESSIONS } from './prepare.js';
import type { Replies } from './replies.js';
import { ownReason } from './votes.js';

const NO_NONCE = 'none';

/** Local isolation keeps no session between commands: an operation that is to run at once is refused. */
export class RefusedExecutes implements ExecuteHandler {
  readonly executing = 0;

  constructor(private readonly replies: Replies) {}

  accept(command: ExecuteCommand): void {
    const reason = ownReason('isolation-mismatch', NO_SESSIONS, false, command.call.branchId);
    this.replies.executed(command, NO_NONCE, { reason });
  }

  async drain(): Promise<void> {}
}
