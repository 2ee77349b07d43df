import { type FrameMessage, isAllowedOrigin, type MessageId } from "@studiolo/protocol";

/**
 * The window that frames us, as a place to get messages from and to answer to.
 *
 * A message counts only if, in this order,
 * 1. it does not come from ourselves or from an output's frame (whose origin is null);
 * 2. its origin is one of those that the server put in the page, which is said in the console when it is not;
 * 3. it comes from a window that shows us: our parent, or one further out;
 * then its shape decides what is answered. An answer goes to the asking window and origin, nowhere else.
 */

export interface Asker {
  reply(message: FrameMessage): void;
}

const MAX_DEPTH = 16;

export class HostWindow {
  readonly #origins: readonly string[];
  readonly #warned = new Set<string>();

  constructor(origins: readonly string[]) {
    this.#origins = origins;
  }

  /** The one to answer, or null when the message is not for us. */
  admit(event: MessageEvent): Asker | null {
    const source = event.source;
    if (source === window || event.origin === "null") return null;
    if (!isAllowedOrigin(event.origin, this.#origins)) {
      this.#explain(event.origin);
      return null;
    }
    if (source === null || !isAround(source)) {
      this.#warn(event.origin, "it comes from a window that does not show this frame");
      return null;
    }
    const origin = event.origin;
    const id = idOf(event.data);
    return {
      reply: (message) => {
        const answer = id === undefined || message.status === "event" ? message : { ...message, id };
        source.postMessage(answer, { targetOrigin: origin });
      },
    };
  }

  #explain(origin: string): void {
    const why = origin.startsWith("http://")
      ? "the host page must be served over https (http://localhost is possible with the setting `development`)"
      : "it is not in the server's list of allowed origins: add exactly this origin to the setting `embed_origins` (STUDIOLO_EMBED_ORIGINS)";
    this.#warn(origin, why);
  }

  #warn(origin: string, why: string): void {
    if (this.#warned.has(origin + why)) return;
    this.#warned.add(origin + why);
    console.warn(`studiolo: a message from ${origin} was ignored: ${why}.`);
  }
}

/** Tell whether a window is our parent or one around it; the outermost is its own parent. */
function isAround(source: MessageEventSource): boolean {
  let around: Window = window;
  for (let depth = 0; depth < MAX_DEPTH && around.parent !== around; depth++) {
    around = around.parent;
    if (around === source) return true;
  }
  return false;
}

function idOf(data: unknown): MessageId | undefined {
  if (typeof data !== "object" || data === null || !("id" in data)) return undefined;
  return typeof data.id === "string" || typeof data.id === "number" ? data.id : undefined;
}
