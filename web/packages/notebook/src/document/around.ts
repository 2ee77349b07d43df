import type { Place } from "../boot/boot.ts";
import { findAnchor } from "./anchors.ts";
import { type Goal, goalOf } from "./goals.ts";
import type { Surroundings } from "./references.ts";

/**
 * The files around a document.
 *
 * 1. A picture is fetched with the page's bearer, for the frame has no cookie, and shown from memory (`blob:`).
 * 2. It is fetched when it comes near the screen, once for all places that show it, and again only for what is drawn
 *    some time later: code may have written it anew. Then all places show the new one, or it is still the same.
 * 3. What cannot be shown leaves its alternative text, or its name.
 */

const AT_ONCE = 4;
const NEAR = "600px";
const FRESH_MS = 3000;
const TRIES = 6;
const TOO_MANY = 429; // when a class opens one project's document at once

interface Shown {
  readonly url: string;
  /** Of the file, as the server said it. */
  readonly etag: string;
}

interface Picture {
  readonly coming: Promise<Shown | null>;
  /** The same, once it is there. */
  shown: Shown | null;
  readonly at: number;
}

export class Around {
  readonly #given: Surroundings;
  readonly #pictures = new Map<string, Picture>();
  readonly #drawnAt = new WeakMap<Element, number>();
  readonly #lanes: Promise<unknown>[] = Array.from({ length: AT_ONCE }, () => Promise.resolve());
  readonly #observer: IntersectionObserver;
  #count = 0;
  #isClosed = false;

  constructor(given: Surroundings) {
    this.#given = given;
    this.#observer = new IntersectionObserver(this.#onNear, { root: document, rootMargin: NEAR });
  }

  show(images: Iterable<Element>): void {
    for (const image of images) {
      if (!(image instanceof HTMLImageElement) || this.#drawnAt.has(image)) continue;
      this.#drawnAt.set(image, Date.now());
      const goal = goalOf(this.#given.place.path, image.dataset.file ?? "");
      if (goal === null) {
        nameIt(image, null);
        continue;
      }
      const known = this.#pictures.get(goal.path)?.shown;
      if (known) put(image, known.url, "sync"); // at once, so that nothing jumps while somebody types
      this.#observer.observe(image);
    }
  }

  follow(link: HTMLElement, event: MouseEvent): void {
    const { place, article, notify, go } = this.#given;
    const file = link.dataset.file;
    const goal: Goal | null =
      file === undefined ? { path: place.path, hash: link.getAttribute("href") ?? "" } : goalOf(place.path, file);
    if (goal === null) {
      notify("This link leads out of the project.");
    } else if (goal.path === place.path) {
      showAnchor(article, goal.hash);
    } else {
      this.#leave(goal, event.button === 1 || event.ctrlKey || event.metaKey, go);
    }
  }

  destroy(): void {
    this.#isClosed = true;
    this.#observer.disconnect();
    for (const { shown } of this.#pictures.values()) if (shown) URL.revokeObjectURL(shown.url);
    this.#pictures.clear();
  }

  #leave({ path, hash }: Goal, isElsewhere: boolean, go: Surroundings["go"]): void {
    const { isKiosk, notify, place } = this.#given;
    if (isKiosk) {
      notify(`This page shows one document only: \u201c${path}\u201d cannot be opened from here.`);
    } else if (isElsewhere || path === "" || path.endsWith("/")) {
      const address = `/projects/${place.project_id}/files/${path.split("/").map(encodeURIComponent).join("/")}${hash}`;
      window.open(address, "_blank", "noopener");
    } else {
      go({ project_id: place.project_id, path }, hash);
    }
  }

  #onNear = (entries: IntersectionObserverEntry[]): void => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting || !(target instanceof HTMLImageElement)) continue;
      this.#observer.unobserve(target);
      const goal = goalOf(this.#given.place.path, target.dataset.file ?? "");
      if (goal !== null) void this.#fill(target, goal.path);
    }
  };

  async #fill(image: HTMLImageElement, path: string): Promise<void> {
    const before = this.#pictures.get(path);
    const isOld = before !== undefined && (this.#drawnAt.get(image) ?? 0) - before.at > FRESH_MS;
    const picture = before === undefined || isOld ? this.#begin(path, before?.shown ?? null) : before;
    const shown = await picture.coming;
    if (this.#isClosed) return;
    if (shown === null) nameIt(image, path);
    else if (image.src !== shown.url) put(image, shown.url, "async");
    const old = before?.shown ?? null;
    if (old === null || old.url === shown?.url) return;
    if (shown !== null) this.#replace(old.url, shown.url);
    URL.revokeObjectURL(old.url);
  }

  #begin(path: string, before: Shown | null): Picture {
    const lane = this.#count++ % AT_ONCE;
    const coming = (this.#lanes[lane] ?? Promise.resolve()).then(() => this.#fetch(path, before));
    this.#lanes[lane] = coming;
    const picture: Picture = { coming, shown: before, at: Date.now() };
    this.#pictures.set(path, picture);
    void coming.then((made) => {
      picture.shown = made;
    });
    return picture;
  }

  async #fetch(path: string, before: Shown | null): Promise<Shown | null> {
    for (let tried = 1; ; tried++) {
      if (this.#isClosed) return null;
      const response = await this.#ask(path, before);
      if (response === null || response.status === 304) return before;
      if (response.status !== TOO_MANY || tried === TRIES) return this.#shown(response);
      await new Promise((resolve) => setTimeout(resolve, tried * 1000));
    }
  }

  /** Null when the network is away. */
  async #ask(path: string, before: Shown | null): Promise<Response | null> {
    const place: Place = { project_id: this.#given.place.project_id, path };
    try {
      return await fetch("/frame/picture", {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "X-Studiolo-Frame": "1",
          Authorization: `Bearer ${this.#given.bearer()}`,
          ...(before === null ? {} : { "If-None-Match": before.etag }),
        },
        body: JSON.stringify(place),
        cache: "no-store",
      });
    } catch {
      return null;
    }
  }

  async #shown(response: Response): Promise<Shown | null> {
    const blob = response.ok ? await response.blob().catch(() => null) : null;
    if (!blob?.type.startsWith("image/") || this.#isClosed) return null;
    return { url: URL.createObjectURL(blob), etag: response.headers.get("etag") ?? "" };
  }

  #replace(old: string, url: string): void {
    for (const image of this.#given.article.querySelectorAll<HTMLImageElement>("img[data-file]")) {
      if (image.src === old) put(image, url, "sync");
    }
  }
}

/** Bring what an address's `#...` names into view; nothing is focused. */
export function showAnchor(article: HTMLElement, hash: string): void {
  const found = findAnchor(article, hash);
  if (!(found instanceof HTMLElement)) return;
  const bar = article.querySelector(":scope > .toolbar")?.clientHeight ?? 0;
  if (!found.matches(".cell")) found.style.scrollMarginTop = `${bar + 8}px`;
  found.scrollIntoView();
}

function put(image: HTMLImageElement, url: string, decoding: "sync" | "async"): void {
  image.decoding = decoding;
  image.src = url;
}

/** Say what should be here, where the author did not. */
function nameIt(image: HTMLImageElement, path: string | null): void {
  if (image.src) return;
  image.alt ||= path === null ? "Picture" : path.slice(path.lastIndexOf("/") + 1);
}
