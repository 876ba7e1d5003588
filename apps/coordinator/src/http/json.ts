const DEPTH_MAX = 64;

/**
 * Whether a parsed JSON value can be written again as it was read: nested at most 64 deep, so that no recursion over
 * it overflows the stack, without numbers too large to be one (`1e999` is read as Infinity), and without lone surrogates,
 * which no database keeps as they are.
 */
export function isStorableJson(value: unknown, depthLeft = DEPTH_MAX): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value === 'string') return value.isWellFormed();
  if (value === null || typeof value !== 'object') return true;
  if (depthLeft === 0) return false;
  if (Array.isArray(value)) return value.every((child) => isStorableJson(child, depthLeft - 1));
  return Object.entries(value).every(([name, child]) => name.isWellFormed() && isStorableJson(child, depthLeft - 1));
}

/** One text for all JSON texts that mean the same: keys in order, no white space. Input is checked for depth before. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  let text = '';
  if (Array.isArray(value)) {
    for (const item of value) text += text === '' ? canonicalJson(item) : `,${canonicalJson(item)}`;
    return `[${text}]`;
  }
  const members = value as Record<string, unknown>;
  for (const key of Object.keys(members).sort()) {
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(members[key])}`;
  }
  return `{${text}}`;
}
