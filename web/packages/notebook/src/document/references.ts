import type { Place } from "../boot/boot.ts";
import type { Around } from "./around.ts";

/** What a document refers to: pictures and links to other files. The code for it loads with the first of them. */

export interface Surroundings {
  readonly place: Place;
  readonly article: HTMLElement;
  readonly isKiosk: boolean;
  bearer(): string;
  notify(text: string): void;
  /** Go to another document; the hash is the place in it. */
  go(place: Place, hash: string): void;
}

const PICTURES = "img[data-file]";
const LINKS = 'a[data-file], .rich a[href^="#"]';

export class References {
  readonly #given: Surroundings;
  #around: Around | null = null;
  #isClosed = false;

  constructor(given: Surroundings) {
    this.#given = given;
    given.article.addEventListener("click", this.#follow);
    given.article.addEventListener("auxclick", this.#follow);
  }

  /** Fill in the pictures of an element that has just been drawn. */
  show(root: Element): void {
    if (root.querySelector(PICTURES) !== null) this.#with((around) => around.show(root.querySelectorAll(PICTURES)));
  }

  destroy(): void {
    this.#isClosed = true;
    this.#given.article.removeEventListener("click", this.#follow);
    this.#given.article.removeEventListener("auxclick", this.#follow);
    this.#around?.destroy();
  }

  #follow = (event: MouseEvent): void => {
    const link = event.target instanceof Element ? event.target.closest<HTMLElement>(LINKS) : null;
    if (link === null || event.button > 1) return;
    event.preventDefault();
    this.#with((around) => around.follow(link, event));
  };

  /** At once if the code is there, else when it is. */
  #with(work: (around: Around) => void): void {
    if (this.#around !== null) {
      work(this.#around);
      return;
    }
    void import("./around.ts").then((code) => {
      if (this.#isClosed) return;
      this.#around ??= new code.Around(this.#given);
      work(this.#around);
    });
  }
}
