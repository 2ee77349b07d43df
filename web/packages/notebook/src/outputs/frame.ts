import { isObject } from "@studiolo/protocol";

/**
 * An output that runs scripts, in a frame whose own response puts it into a sandbox: its origin is null, and it sees
 * neither our page nor any cookie. Made only when it comes near the visible part.
 */
export class OutputFrame {
  readonly #place: HTMLElement;
  readonly #html: string;
  readonly #observer: IntersectionObserver;
  #frame: HTMLIFrameElement | null = null;

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
      const message = { type: "render", html: this.#html, theme: "light" };
      this.#frame.contentWindow?.postMessage(message, "*"); // its origin is null, which cannot be named
    } else if (event.data.type === "height" && typeof event.data.height === "number") {
      const height = Math.max(0, Math.min(5000, Math.ceil(event.data.height)));
      this.#frame.style.height = `${height}px`;
    }
  };
}
