import type { Disposables } from "../store/store.ts";

const LATER_MS = 50;

/**
 * What a key leaves to be done once its answer may be on the screen.
 *
 * Moving the focus costs a layout, and a page that changes with a key is drawn before the browser hears the network
 * again: the answer would show a frame later. But it is done before the next key or press, which finds everything as
 * if it had been done at once.
 */
export class Later {
  #work: (() => void) | null = null;
  #timer = 0;

  constructor(root: HTMLElement, disposables: Disposables) {
    disposables.listen(root, "keydown", this.#key, { capture: true });
    disposables.listen(root, "pointerdown", this.now, { capture: true });
    disposables.add(() => clearTimeout(this.#timer));
  }

  do(work: () => void): void {
    this.now();
    this.#work = work;
    this.#timer = window.setTimeout(this.now, LATER_MS);
  }

  now = (): void => {
    clearTimeout(this.#timer);
    const work = this.#work;
    this.#work = null;
    work?.();
  };

  #key = (event: KeyboardEvent): void => {
    if (this.#work === null) return;
    this.now();
    const focused = document.activeElement;
    if (focused === null || focused === event.target) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    focused.dispatchEvent(new KeyboardEvent(event.type, event)); // to where it would have gone
  };
}
