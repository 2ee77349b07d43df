import type { Boot } from "../boot/boot.ts";

/** Markdown, HTML and LaTeX to safe HTML, by the server: one renderer and one sanitiser for everybody. */

export interface RenderItem {
  kind: "markdown" | "html" | "latex";
  text: string;
  attachments?: unknown;
}

interface Waiting {
  item: RenderItem;
  resolve(html: string | null): void;
}

const MAX_ITEMS = 50;
const MAX_CHARACTERS = 1_000_000;

export class RemoteRenderer {
  readonly #boot: Boot;
  #waiting: Waiting[] = [];

  constructor(boot: Boot) {
    this.#boot = boot;
  }

  /** Render one piece; pieces asked for in the same moment travel together. Null when the server could not. */
  render(item: RenderItem): Promise<string | null> {
    return new Promise((resolve) => {
      this.#waiting.push({ item, resolve });
      if (this.#waiting.length === 1) queueMicrotask(() => void this.#flush());
    });
  }

  async #flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const batch of batches(waiting)) {
      const html = await this.#ask(batch.map(({ item }) => item));
      for (const [index, { resolve }] of batch.entries()) {
        const one: unknown = html[index];
        resolve(typeof one === "string" ? one : null);
      }
    }
  }

  async #ask(items: RenderItem[]): Promise<unknown[]> {
    try {
      const response = await fetch("/frame/render", {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "X-Studiolo-Frame": "1",
          Authorization: `Bearer ${this.#boot.signIn().bearer}`,
        },
        body: JSON.stringify({ items }),
      });
      const answer: unknown = response.ok ? await response.json() : null;
      const html = typeof answer === "object" && answer !== null && "html" in answer ? answer.html : null;
      return Array.isArray(html) ? html : [];
    } catch {
      return [];
    }
  }
}

function* batches(waiting: Waiting[]): Generator<Waiting[]> {
  let batch: Waiting[] = [];
  let size = 0;
  for (const one of waiting) {
    if (batch.length > 0 && (batch.length >= MAX_ITEMS || size + one.item.text.length > MAX_CHARACTERS)) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(one);
    size += one.item.text.length;
  }
  if (batch.length > 0) yield batch;
}
