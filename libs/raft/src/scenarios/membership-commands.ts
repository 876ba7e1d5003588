/** The commands of scenario files that try configuration changes on their own, without a cluster. */
import { changeSimply, enterJoint, leaveJoint, Membership } from '../confchange/changer.js';
import { ClusterConfig } from '../confchange/cluster-config.js';
import { ConfChangeSingle } from '../confchange/conf-change.js';
import { describeConfig, describeProgress } from '../core/format.js';
import { UNLIMITED } from '../core/messages.js';
import { boolean, parseChanges } from './commands.js';
import { Directive } from './data-file.js';

/** The configuration of one file, from empty on. */
export class MembershipBench {
  #current: Membership = { config: ClusterConfig.empty, progress: new Map() };
  /** Grows with every command, so that one sees when a member was added. */
  #lastIndex = 0;

  handles({ command }: Directive): boolean {
    return command === 'simple' || command === 'enter-joint' || command === 'leave-joint';
  }

  run(directive: Directive): string {
    try {
      this.#current = this.#change(directive, parseChanges(directive.input));
      const lines = [describeConfig(this.#current.config)];
      for (const [id, peer] of this.#current.progress) lines.push(`${id}: ${describeProgress(peer)}`);
      return lines.join('\n');
    } catch (error) {
      return (error as Error).message;
    } finally {
      this.#lastIndex++;
    }
  }

  #change({ command, args }: Directive, changes: readonly ConfChangeSingle[]): Membership {
    const terms = { lastIndex: this.#lastIndex, inflightMessagesMax: 10, inflightBytesMax: UNLIMITED };
    switch (command) {
      case 'simple':
        return changeSimply(this.#current, changes, terms);
      case 'enter-joint': {
        const autoLeave = args.find(({ key }) => key === 'autoleave')?.values[0] ?? 'false';
        return enterJoint(this.#current, changes, boolean(autoLeave), terms);
      }
      default:
        if (changes.length > 0) throw new Error('this command takes no input');
        return leaveJoint(this.#current, terms);
    }
  }
}
