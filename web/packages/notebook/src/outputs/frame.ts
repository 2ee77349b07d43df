import { isObject } from "@studiolo/protocol";

const MAX_TIMES_RENDERED = 20; // in a row: moving a cell loads its frames again, but a page that asks without end is hostile
const CALM_MS = 10_000; // after so long without a question the counting starts anew

/**
 * An output that runs scripts, in a frame whose own response puts it into a sandbox: its origin is null, and it sees
 * neither our page nor any cookie. Made only when it comes near the visible part.
 */
export class OutputFrame {
  readonly #place: HTMLElement;
  readonly #html: string;
  readonly #observer: IntersectionObserver;
  #frame: HTMLIFrameElement | null = null;
  #timesRendered = 0;
  #renderedAt = Number.NEGATIVE_INFINITY;

  constructor(place: HTMLElement, html: string) {
    this.#place = place;
    this.#html = html;
    this.#observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) this.#load();
      },
      { rootMargin: "400px" },
    );
    this.#observer.observe(place);
    addEventListener("message", this.#receive);
  }

  destroy(): void {
    this.#observer.disconnect();
    removeEventListener("message", this.#receive);
    this.#frame?.remove();
  }

  #load(): void {
    this.#observer.disconnect();
    const frame = document.createElement("iframe");
    frame.src = "/frame/output";
    frame.title = "Interactive output";
    frame.setAttribute("sandbox", "allow-scripts allow-popups");
    frame.setAttribute("referrerpolicy", "no-referrer");
    frame.className = "output-frame";
    this.#frame = frame;
    this.#place.replaceChildren(frame);
  }

  #receive = (event: MessageEvent<unknown>): void => {
    if (this.#frame === null || event.source !== this.#frame.contentWindow || !isObject(event.data)) return;
    if (event.data.type === "ready") {
      this.#render(this.#frame);
    } else if (event.data.type === "height" && typeof event.data.height === "number") {
      const height = Math.max(0, Math.min(5000, Math.ceil(event.data.height)));
      this.#frame.style.height = `${height}px`;
    }
  };

  #render(frame: HTMLIFrameElement): void {
    const now = performance.now();
    if (now - this.#renderedAt > CALM_MS) this.#timesRendered = 0;
    if (this.#timesRendered >= MAX_TIMES_RENDERED) return;
    this.#timesRendered++;
    this.#renderedAt = now;
    const message = { type: "render", html: this.#html, theme: "light" };
    frame.contentWindow?.postMessage(message, "*"); // its origin is null, which cannot be named
  }
}
