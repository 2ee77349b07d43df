import {
  type Connection,
  type FrameEvent,
  type HostRequest,
  type OpenRequest,
  parseRequest,
  type Theme,
} from "@studiolo/protocol";
import { asFailure, type Place } from "../boot/boot.ts";
import type { Asker, HostWindow } from "./window.ts";

/** What a host page may ask for, and what it is answered. */

export interface Frame {
  /** Resolves when the content is on the screen; throws `Failure`. */
  open(place: Place): Promise<Place>;
  /** Resolves when nothing is open, after what was asked to be opened before. */
  closeAll(): Promise<void>;
  connection(): Connection;
  openFiles(): Record<string, string[]>;
  save(): boolean;
  run(): boolean;
  setTheme(theme: Theme): void;
}

const PROJECT_FAILURES = new Set([
  "project_not_found",
  "project_not_running",
  "forbidden",
  "role_too_low",
  "runner_unavailable",
  "agent_unavailable",
]);

export class Bridge {
  readonly #frame: Frame;
  readonly #host: HostWindow;
  readonly #subscribers = new Map<string, Asker>();
  #isReady = false;

  constructor(frame: Frame, host: HostWindow) {
    this.#frame = frame;
    this.#host = host;
  }

  handle = (event: MessageEvent): void => {
    const asker = this.#host.admit(event);
    if (asker === null) return;
    const parsed = parseRequest(event.data);
    if ("refusal" in parsed) asker.reply({ status: "error", mesg: parsed.refusal });
    else this.#answer(parsed.request, asker, event.origin);
  };

  /** Tell those who asked to be told. */
  emit(event: FrameEvent): void {
    if (event.event === "ready") this.#isReady = true;
    for (const asker of this.#subscribers.values()) asker.reply(event);
  }

  #answer(request: HostRequest, asker: Asker, origin: string): void {
    switch (request.action) {
      case "open":
        void this.#open(request, asker);
        break;
      case "closeall":
        void this.#frame.closeAll().then(() => asker.reply({ status: "done", mesg: "all files are closed" }));
        break;
      case "status":
        asker.reply({ status: "done", connection: this.#frame.connection(), open_files: this.#frame.openFiles() });
        break;
      case "subscribe":
        this.#subscribers.set(origin, asker);
        asker.reply({ status: "done", mesg: "subscribed" });
        if (this.#isReady) asker.reply({ status: "event", event: "ready" });
        break;
      case "save":
        asker.reply(this.#frame.save() ? { status: "done", mesg: "saving" } : NO_DOCUMENT);
        break;
      case "run":
        asker.reply(this.#frame.run() ? { status: "done", mesg: "running" } : NO_DOCUMENT);
        break;
      case "theme":
        this.#frame.setTheme(request.theme);
        asker.reply({ status: "done", mesg: "theme set" });
        break;
    }
  }

  async #open({ project_id, path }: OpenRequest, asker: Asker): Promise<void> {
    const about = { action: "open", path, project_id } as const;
    asker.reply({ status: "ack", ...about });
    try {
      await this.#frame.open({ project_id: project_id.toLowerCase(), path });
      asker.reply({ status: "done", ...about });
    } catch (error) {
      const failure = asFailure(error);
      const mesg = PROJECT_FAILURES.has(failure.code) ? `problem opening project ${project_id}` : failure.message;
      asker.reply({ status: "error", ...about, mesg, code: failure.code });
    }
  }
}

const NO_DOCUMENT = { status: "error", mesg: "no document is open" } as const;
