// A value that takes a while to find out, and that whoever asks shouldn't have to wait for.

export interface RefreshedOptions {
  /** ms after which it is found out anew, when somebody asks. */
  readonly every: number;
  /** The longest wait of one who asks, ms. */
  readonly wait: number;
  /** ms after which a value that could not be found out anew is taken for unknown. */
  readonly maxAge: number;
}

export class Refreshed<T> {
  readonly #load: () => Promise<T>;
  readonly #options: RefreshedOptions;
  #known: { readonly value: T; readonly at: number } | undefined;
  #loading: Promise<void> | undefined;

  /** A `load` that rejects leaves the value as it was. */
  constructor(load: () => Promise<T>, options: RefreshedOptions) {
    this.#load = load;
    this.#options = options;
  }

  /** The value as it was known a moment ago; undefined while it is unknown. Never rejects. */
  async get(): Promise<T | undefined> {
    const { every, wait, maxAge } = this.#options;
    if (this.#known === undefined || performance.now() - this.#known.at >= every) {
      this.#loading ??= this.#refresh();
      await atMost(wait, this.#loading);
    }
    if (this.#known === undefined || performance.now() - this.#known.at > maxAge) return undefined;
    return this.#known.value;
  }

  async #refresh(): Promise<void> {
    try {
      const value = await this.#load();
      this.#known = { value, at: performance.now() };
    } catch {
      // It ages: whoever asks is told that it is unknown in the end.
    } finally {
      this.#loading = undefined;
    }
  }
}

async function atMost(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const waited = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, waited]);
  clearTimeout(timer);
}
