/** Ends a switch over a union: the compiler proves it unreachable, and a value that slips through is named. */
export function assertNever(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
