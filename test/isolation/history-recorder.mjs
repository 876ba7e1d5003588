// Writes down what clients ask and are told, in the order in which it happens, in the form that the checker reads.

export class HistoryRecorder {
  #events = [];

  /** @param {string | number} process @param {unknown[]} value micro operations with null for what is not read yet */
  invoke(process, value) {
    this.#add(process, 'invoke', value);
  }

  /** @param {string | number} process @param {'ok' | 'fail' | 'info'} type @param {unknown[]} value */
  answer(process, type, value) {
    this.#add(process, type, value);
  }

  #add(process, type, value) {
    this.#events.push({ index: this.#events.length, process, type, f: 'txn', value });
  }

  events() {
    return this.#events;
  }
}
