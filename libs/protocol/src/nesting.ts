/**
 * No JSON value of ours is nested deeper. Parsers read any depth, but writing a deep value again overflows the stack, so a
 * hostile one would break whoever passes it on.
 */
export const JSON_DEPTH_MAX = 64;

/** Whether arrays and objects are nested deeper than `JSON_DEPTH_MAX`. Looks no deeper itself. */
export function isNestedTooDeeply(value: unknown, depthLeft = JSON_DEPTH_MAX): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (depthLeft === 0) return true;
  for (const member of Object.values(value)) if (isNestedTooDeeply(member, depthLeft - 1)) return true;
  return false;
}
