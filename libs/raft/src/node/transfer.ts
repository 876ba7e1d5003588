interface Waiting {
  readonly to: number;
  readonly settle: (transferred: boolean) => void;
  ticks: number;
}

/** Callers who wait until a transfer of leadership has happened. */
export class Transfer {
  #waiting: Waiting[] = [];

  wait(to: number, ticks: number): Promise<boolean> {
    return new Promise((settle) => this.#waiting.push({ to, settle, ticks }));
  }

  leads(leader: number): void {
    this.#end((one) => one.to === leader, true);
  }

  tick(): void {
    for (const one of this.#waiting) one.ticks--;
    this.#end((one) => one.ticks <= 0, false);
  }

  close(): void {
    this.#end(() => true, false);
  }

  #end(which: (one: Waiting) => boolean, transferred: boolean): void {
    if (this.#waiting.length === 0) return;
    const ended = this.#waiting.filter(which);
    this.#waiting = this.#waiting.filter((one) => !which(one));
    for (const { settle } of ended) settle(transferred);
  }
}
