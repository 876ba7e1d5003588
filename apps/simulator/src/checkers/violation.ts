/** A promise is broken. */
export class Violation extends Error {
  override readonly name = 'Violation';

  constructor(
    readonly promise: string,
    explanation: string,
  ) {
    super(`${promise}: ${explanation}`);
  }
}
