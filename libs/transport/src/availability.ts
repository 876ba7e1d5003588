/** Whether the broker can be reached, and who wants to know. A listener that throws harms nobody else. */
export class Availability {
  #available = false;
  readonly #listeners: Array<(available: boolean) => void> = [];

  get available(): boolean {
    return this.#available;
  }

  onChange(listener: (available: boolean) => void): void {
    this.#listeners.push(listener);
  }

  set(available: boolean): void {
    if (available === this.#available) return;
    this.#available = available;
    for (const listener of this.#listeners) {
      queueMicrotask(() => listener(available));
    }
  }
}
