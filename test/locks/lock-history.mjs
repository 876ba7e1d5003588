/**
 * What a history of locks must show: a pure function, which knows nothing of how the history was made.
 *
 * @typedef {{ kind: 'grant', lock: string, token: number, holder: string, calledAt: number, answeredAt: number }} Grant
 *   times by one clock, in ms; `holder` is one acquire, not one client
 * @typedef {{ kind: 'write', lock: string, token: number, holder: string, accepted: boolean }} Write
 *   at the resource that the lock protects, in the order in which the resource took them
 * @param {readonly (Grant | Write)[]} history
 * @returns {string[]} what is wrong; empty where nothing is
 */
export function checkLockHistory(history) {
  const grants = /** @type {Grant[]} */ (history.filter(({ kind }) => kind === 'grant'));
  const writes = /** @type {Write[]} */ (history.filter(({ kind }) => kind === 'write'));
  return [
    ...reusedTokens(grants),
    ...tokensAgainstTime(grants),
    ...writesOfStrangers(grants, writes),
    ...stepsBack(writes),
  ];
}

/** No token is given twice, for whatever lock. */
function reusedTokens(grants) {
  const seen = new Map();
  const found = [];
  for (const { token, holder } of grants) {
    if (seen.has(token)) found.push(`token ${token} was given to ${seen.get(token)} and to ${holder}`);
    seen.set(token, holder);
  }
  return found;
}

/** An acquire that was called after another was answered has the larger token. */
function tokensAgainstTime(grants) {
  const byAnswer = [...grants].sort((a, b) => a.answeredAt - b.answeredAt);
  const byCall = [...grants].sort((a, b) => a.calledAt - b.calledAt);
  const found = [];
  let largest;
  let next = 0;
  for (const grant of byCall) {
    for (; next < byAnswer.length && byAnswer[next].answeredAt < grant.calledAt; next += 1) {
      if (!largest || byAnswer[next].token > largest.token) largest = byAnswer[next];
    }
    if (largest && largest.token >= grant.token && largest !== grant) {
      found.push(`token ${grant.token} was asked for after ${largest.token} had been given`);
    }
  }
  return found;
}

/** Only whoever was given a token writes with it. */
function writesOfStrangers(grants, writes) {
  const holders = new Map(grants.map(({ token, holder }) => [token, holder]));
  return writes
    .filter(({ accepted, token, holder }) => accepted && holders.get(token) !== holder)
    .map(({ token, holder }) => `${holder} wrote with token ${token}, which it was not given`);
}

/** At a resource one holder follows the other: once a token was accepted, no smaller one is. */
function stepsBack(writes) {
  const largest = new Map();
  const found = [];
  for (const { lock, token, accepted } of writes) {
    if (!accepted) continue;
    const before = largest.get(lock) ?? 0;
    if (token < before) found.push(`${lock} took token ${token} after ${before}`);
    largest.set(lock, Math.max(before, token));
  }
  return found;
}
