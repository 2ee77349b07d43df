import { type FrameEvent, type HostRequest, isFrameMessage, type StatusDone, type Theme } from "@studiolo/protocol";

/**
 * Speak to a frame.
 *
 * 1. A message counts only if it comes from the frame's window and from the server's origin.
 * 2. Requests carry an id, so that answers find theirs; events are asked for by `subscribe`.
 * 3. The frame may still be loading: `subscribe` is sent again until the first answer.
 * 4. After `destroy` nothing listens, and everything that waits is refused.
 */

export class StudioloError extends Error {
  override name = "StudioloError";
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export interface ConnectOptions {
  /** Origin of the server; default: that of the frame's address. */
  origin?: string;
  /** How long to wait for the frame to answer at all. */
  timeoutMs?: number;
  onEvent?(event: FrameEvent): void;
}

export interface Studiolo {
  /** Resolves when the document is on the screen. */
  open(projectId: string, path: string): Promise<void>;
  closeAll(): Promise<void>;
  status(): Promise<StatusDone>;
  save(): Promise<void>;
  run(): Promise<void>;
  setTheme(theme: Theme): Promise<void>;
  destroy(): void;
}

interface Waiting {
  resolve(reply: unknown): void;
  reject(error: StudioloError): void;
}

const RETRY_MS = 250;
const TIMEOUT_MS = 30_000;

/** Connect to a frame; resolves once it answers. */
export function connect(frame: HTMLIFrameElement, options: ConnectOptions = {}): Promise<Studiolo> {
  const origin = options.origin ?? new URL(frame.src, location.href).origin;
  const waiting = new Map<number, Waiting>();
  let nextId = 1;
  let isDestroyed = false;

  const receive = (event: MessageEvent<unknown>): void => {
    if (event.source !== frame.contentWindow || event.origin !== origin || !isFrameMessage(event.data)) return;
    const message = event.data;
    if (message.status === "event") {
      options.onEvent?.(message);
      return;
    }
    const id = typeof message.id === "number" ? message.id : 0;
    const asked = waiting.get(id);
    if (asked === undefined || message.status === "ack") return;
    waiting.delete(id);
    if (message.status === "error") asked.reject(new StudioloError(message.code ?? "error", message.mesg));
    else asked.resolve(message);
  };

  const send = (request: HostRequest): void => frame.contentWindow?.postMessage(request, origin);

  const ask = (request: HostRequest): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (isDestroyed) {
        reject(new StudioloError("destroyed", "The connection was ended."));
        return;
      }
      const id = nextId++;
      waiting.set(id, { resolve, reject });
      send({ ...request, id });
    });

  const destroy = (): void => {
    isDestroyed = true;
    removeEventListener("message", receive);
    for (const { reject } of waiting.values()) reject(new StudioloError("destroyed", "The connection was ended."));
    waiting.clear();
  };

  const studiolo: Studiolo = {
    open: async (project_id, path) => void (await ask({ action: "open", project_id, path })),
    closeAll: async () => void (await ask({ action: "closeall" })),
    status: async () => (await ask({ action: "status" })) as StatusDone,
    save: async () => void (await ask({ action: "save" })),
    run: async () => void (await ask({ action: "run" })),
    setTheme: async (theme) => void (await ask({ action: "theme", theme })),
    destroy,
  };

  addEventListener("message", receive);
  return new Promise((resolve, reject) => {
    const id = nextId++;
    const knock = (): void => send({ action: "subscribe", id });
    const retry = setInterval(knock, RETRY_MS);
    const timeout = setTimeout(() => {
      destroy();
    }, options.timeoutMs ?? TIMEOUT_MS);
    const settle = (): void => {
      clearInterval(retry);
      clearTimeout(timeout);
    };
    waiting.set(id, {
      resolve: () => {
        settle();
        resolve(studiolo);
      },
      reject: () => {
        settle();
        reject(new StudioloError("no_answer", "The frame does not answer. Is this page's origin in embed_origins?"));
      },
    });
    knock();
  });
}
