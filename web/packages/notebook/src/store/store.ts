/** A value with subscribers. State lives in stores only; views read it and draw. */
export class Store<T extends object> {
  #value: T;
  readonly #listeners = new Set<(value: T, previous: T) => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): Readonly<T> {
    return this.#value;
  }

  /** Change some fields; subscribers hear of it only when one differs. */
  set(change: Partial<T>): void {
    const previous = this.#value;
    const keys = Object.keys(change) as (keyof T)[];
    if (keys.every((key) => Object.is(previous[key], change[key]))) return;
    this.#value = { ...previous, ...change };
    for (const listener of [...this.#listeners]) listener(this.#value, previous);
  }

  /** Call the listener now and after each change; returns what ends that. */
  subscribe(listener: (value: T, previous: T) => void): () => void {
    this.#listeners.add(listener);
    listener(this.#value, this.#value);
    return () => this.#listeners.delete(listener);
  }
}

/** Things to undo at the end, in reverse order. */
export class Disposables {
  #undo: (() => void)[] = [];

  add(...undo: (() => unknown)[]): void {
    this.#undo.push(...undo);
  }

  listen<K extends keyof HTMLElementEventMap>(
    target: EventTarget,
    type: K,
    listener: (event: HTMLElementEventMap[K]) => void,
    options?: AddEventListenerOptions,
  ): void {
    const typed = listener as (event: Event) => void;
    target.addEventListener(type, typed, options);
    this.add(() => target.removeEventListener(type, typed, options));
  }

  destroy(): void {
    for (const undo of this.#undo.splice(0).reverse()) undo();
  }
}
