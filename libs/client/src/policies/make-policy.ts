import type { Random } from '../clock.js';
import { LeaderFirstPolicy } from './leader-first.js';
import type { Policy } from './policy.js';
import { RandomPolicy } from './random.js';
import { RoundRobinPolicy } from './round-robin.js';
import { WeightedPolicy } from './weighted.js';

/** A policy by name, by the weights of the urls, or one of your own. */
export type PolicyChoice =
  | 'leader-first'
  | 'random'
  | 'round-robin'
  | { readonly weights: Readonly<Record<string, number>> }
  | Policy;

/** @throws RangeError for weights that cannot be used; TypeError for a name that does not exist */
export function makePolicy(choice: PolicyChoice, urls: readonly string[], random: Random): Policy {
  if (typeof choice === 'object') return 'weights' in choice ? weighted(choice.weights, urls, random) : choice;
  switch (choice) {
    case 'leader-first':
      return new LeaderFirstPolicy(new RandomPolicy(random));
    case 'random':
      return new RandomPolicy(random);
    case 'round-robin':
      return new RoundRobinPolicy(Math.floor(random() * urls.length) - 1);
    default:
      throw new TypeError(`There is no policy ${JSON.stringify(choice)}.`);
  }
}

function weighted(weights: Readonly<Record<string, number>>, urls: readonly string[], random: Random): Policy {
  const byUrl = Object.fromEntries(Object.entries(weights).map(([url, weight]) => [url.replace(/\/+$/, ''), weight]));
  return new WeightedPolicy(byUrl, random, urls);
}
