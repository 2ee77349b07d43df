import type { Connection, Theme } from "@studiolo/protocol";
import { asFailure, type Boot, type Failure, type Live, type Opened, type Place } from "./boot/boot.ts";
import { Bridge, type Frame } from "./bridge/handlers.ts";
import { HostWindow } from "./bridge/window.ts";
import { el, iconOf } from "./cells/dom.ts";
import { LiveDocument } from "./document/document.ts";
import { showFragment } from "./document/fragment.ts";
import { Socket } from "./socket/socket.ts";
import { Notices } from "./toolbar/notices.ts";

/** The live frame: one document at most, its connection, and the host page's bridge. */
class LiveFrame implements Frame, Live {
  readonly #boot: Boot;
  readonly #notices: Notices;
  readonly #bridge: Bridge;
  readonly #undo: (() => void)[] = [];
  /** Missing until somebody is signed in. */
  #socket: Socket | null = null;
  #listening: (() => void) | null = null;
  #document: LiveDocument | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #isShowingFailure = false;
  #isOpening = false;

  readonly #startedAt = Date.now();

  constructor(boot: Boot) {
    this.#boot = boot;
    this.#notices = new Notices(document.body);
    this.#bridge = new Bridge(this, new HostWindow(boot.config.origins));
  }

  show(opened: Opened | null, failure?: Failure): void {
    this.#close();
    this.#isShowingFailure = failure !== undefined;
    this.#isOpening = opened !== null; // until it is there, the connection is not what the page shows
    if (this.#boot.isSignedIn()) this.#connect();
    if (opened !== null) {
      this.#show(opened);
      showFragment(opened.article, location.hash);
    }
    this.#isOpening = false;
    // messages of a host page come last: their answers tell of what is on the screen now
    this.#listening ??= this.#boot.onMessage(this.#bridge.handle);
    this.#drawConnection();
  }

  open(place: Place): Promise<Place> {
    // one after the other: each request gets its own answer, and the last one stays on the screen
    const turn = this.#turn.then(() => this.#open(place));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  closeAll(): Promise<void> {
    const turn = this.#turn.then(() => this.#closeAll());
    this.#turn = turn;
    return turn;
  }

  #closeAll(): void {
    this.#close();
    this.#boot.remember(null);
    if (this.#socket !== null) this.#isShowingFailure = false;
    this.#drawConnection();
  }

  connection(): Connection {
    if (this.#socket !== null) return this.#socket.connection;
    return { quality: "bad", status: "disconnected", status_time: this.#startedAt };
  }

  openFiles(): Record<string, string[]> {
    const opened = this.#document?.opened;
    return opened ? { [opened.project_id]: [opened.path] } : {};
  }

  save(): boolean {
    this.#document?.save();
    return this.#document !== null;
  }

  run(): boolean {
    this.#document?.run();
    return this.#document !== null;
  }

  setTheme(theme: Theme): void {
    document.documentElement.dataset.theme = theme;
  }

  destroy(): void {
    for (const undo of this.#undo.splice(0)) undo();
    this.#listening?.();
    this.#close();
    this.#socket?.destroy();
    this.#notices.destroy();
  }

  async #open(place: Place): Promise<Place> {
    const current = this.#document?.opened;
    if (current && current.project_id === place.project_id && current.path === place.path) return place;
    this.#close();
    this.#isShowingFailure = false;
    this.#isOpening = true;
    this.#boot.showProgress("opening_document");
    try {
      const opened = await this.#boot.open(place, (stage) => {
        this.#boot.showProgress(stage);
        this.#bridge.emit({ status: "event", event: "progress", stage, ...place });
      });
      this.#show(opened);
      await painted();
      return opened;
    } catch (error) {
      const failure = asFailure(error);
      if (failure.code === "is_directory" && isDirectory(place.path)) {
        this.#isOpening = false;
        this.#closeAll(); // a directory is the banner
        return place;
      }
      this.#isShowingFailure = true;
      this.#boot.showFailure(failure, () => void this.open(place).catch(() => undefined));
      this.#bridge.emit({ status: "event", event: "error", code: failure.code, mesg: failure.message });
      throw failure;
    } finally {
      this.#isOpening = false;
    }
  }

  /** Go where a link leads; if that cannot be shown, stay where the reader was, and say why. */
  async #follow(goal: Place, hash: string, from: Place): Promise<void> {
    try {
      await this.open(goal);
      const article = this.#document?.opened.article;
      if (article) showFragment(article, hash);
    } catch (error) {
      await this.open(from).catch(() => undefined);
      this.#notices.show("warning", `\u201c${goal.path}\u201d cannot be opened. ${asFailure(error).message}`);
    }
  }

  #show(opened: Opened): void {
    const { project_id, path } = opened;
    const place = { project_id, path };
    this.#document = new LiveDocument(this.#boot, this.#connect(), this.#notices, opened, {
      onSaved: () => this.#bridge.emit({ status: "event", event: "saved", ...place }),
      onError: (code, mesg) => this.#bridge.emit({ status: "event", event: "error", code, mesg }),
      onReplaced: () => {
        this.#close();
        void this.open(place).catch(() => undefined);
      },
      onFollow: (goal, hash) => void this.#follow(goal, hash, place),
    });
    this.#boot.remember(place);
    this.#bridge.emit({ status: "event", event: "opened", ...place });
  }

  #close(): void {
    const closed = this.#document?.opened;
    this.#document?.destroy();
    this.#document = null;
    closed?.article.remove();
    if (closed) {
      const { project_id, path } = closed;
      this.#bridge.emit({ status: "event", event: "closed", project_id, path });
    }
  }

  #connect(): Socket {
    if (this.#socket !== null) return this.#socket;
    this.#socket = new Socket(this.#boot);
    const undo = this.#socket.state.subscribe((state, before) => {
      if (state.status === "connected" && before.status !== "connected") {
        this.#bridge.emit({ status: "event", event: "ready" });
      }
      this.#drawConnection();
    });
    this.#undo.push(undo);
    return this.#socket;
  }

  /** Without a document the connection itself is what there is to show. */
  #drawConnection(): void {
    if (this.#socket === null) return;
    const { status, isSignedOut } = this.#socket.state.value;
    if (isSignedOut) this.#notices.show("error", "Signed out. Reload the page that shows this document.");
    if (this.#document !== null || this.#isShowingFailure || this.#isOpening) return;
    if (status === "connected") this.#boot.root.replaceChildren(banner(this.#boot.config.isKiosk));
    else this.#boot.showProgress("connecting");
  }
}

function banner(isKiosk: boolean): HTMLElement {
  const message = el("div", "message ready", iconOf("check"), el("span", "", "Studiolo is ready"));
  message.setAttribute("role", "status");
  const page = el("div", "banner", message);
  if (!isKiosk) {
    const link = el("a", "", "Go to your projects");
    link.href = "/projects";
    if (window.parent !== window) link.target = "_blank"; // it refuses to be framed
    page.append(link);
  }
  return page;
}

function isDirectory(path: string): boolean {
  return path === "" || path.endsWith("/");
}

function painted(): Promise<void> {
  return new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
    setTimeout(resolve, 200); // a hidden page has no frames
  });
}

export function start(boot: Boot): Live {
  return new LiveFrame(boot);
}
