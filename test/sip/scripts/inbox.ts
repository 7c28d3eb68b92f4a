/** What has arrived and nobody has taken yet. */
export class Inbox<T> {
  readonly #items: T[] = [];
  readonly #readers = new Set<{ wanted: (item: T) => boolean; resolve: (item: T) => void }>();

  push(item: T): void {
    for (const reader of this.#readers) {
      if (!reader.wanted(item)) continue;
      this.#readers.delete(reader);
      reader.resolve(item);
      return;
    }
    this.#items.push(item);
  }

  /** Takes the first that is wanted, or waits for it. @throws after the limit, with what there was instead. */
  take(what: string, wanted: (item: T) => boolean = () => true, limitMs = 15_000): Promise<T> {
    const index = this.#items.findIndex(wanted);
    if (index >= 0) return Promise.resolve(this.#items.splice(index, 1)[0] as T);
    return new Promise((resolve, reject) => {
      const reader = {
        wanted,
        resolve: (item: T) => {
          clearTimeout(timer);
          resolve(item);
        },
      };
      const timer = setTimeout(() => {
        this.#readers.delete(reader);
        const others = this.#items.map((item) => String(item).split("\r\n")[0]).join(" | ");
        reject(new Error(`no ${what} within ${limitMs} ms; there was: ${others || "nothing"}`));
      }, limitMs);
      this.#readers.add(reader);
    });
  }
}
