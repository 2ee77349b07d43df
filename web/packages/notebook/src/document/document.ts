import type { Boot, Opened, Place } from "../boot/boot.ts";
import { button, el } from "../cells/dom.ts";
import { NotebookView } from "../cells/notebook.ts";
import { RemoteRenderer } from "../outputs/remote.ts";
import type { Socket } from "../socket/socket.ts";
import { Disposables } from "../store/store.ts";
import type { Notices } from "../toolbar/notices.ts";
import { Toolbar } from "../toolbar/toolbar.ts";
import { FileView } from "./file.ts";
import { References } from "./references.ts";
import { DocumentSession } from "./session.ts";
import type { Shared } from "./shared.ts";

export interface DocumentEvents {
  onSaved(): void;
  onError(code: string, message: string): void;
  /** The server has a new version of the room: open the document again. */
  onReplaced(): void;
  /** The reader follows a link to another file. */
  onFollow(place: Place, hash: string): void;
}

/** An open document: takes the server-rendered article over and keeps it live. */
export class LiveDocument {
  readonly opened: Opened;
  readonly #boot: Boot;
  readonly #session: DocumentSession;
  readonly #view: NotebookView | FileView;
  readonly #toolbar: Toolbar;
  readonly #disposables = new Disposables();

  constructor(boot: Boot, socket: Socket, notices: Notices, opened: Opened, events: DocumentEvents) {
    this.#boot = boot;
    this.opened = opened;
    const { project_id, path, article } = opened;
    this.#session = new DocumentSession(socket, { project_id, path }, opened.can_write, {
      onNotice: (level, code, message) => {
        if (code !== "kernel_died") notices.show(level, message); // the bar over the document says that
        if (level === "error") events.onError(code, message);
      },
      onInput: (id, prompt, isPassword) => this.#notebook?.ask(id, prompt, isPassword),
      onInputDone: (id) => this.#notebook?.stopAsking(id),
      onReplaced: (hasLostEdits) => {
        const text = hasLostEdits
          ? "The document was loaded again. Your last edits before the interruption could not be kept."
          : "The document was loaded again from the server.";
        notices.show(hasLostEdits ? "warning" : "info", text);
        events.onReplaced();
      },
    });
    this.#session.awareness.setLocalStateField("user", { name: boot.signIn().account.name || "Somebody" });
    const references = new References({
      place: { project_id, path },
      article,
      isKiosk: boot.config.isKiosk,
      bearer: () => boot.signIn().bearer,
      notify: (text) => notices.show("info", text),
      go: (place, hash) => events.onFollow(place, hash),
    });
    references.show(article); // what the server rendered: it need not wait for the shared data
    this.#disposables.add(() => references.destroy());
    const shared: Shared = {
      references,
      boot,
      session: this.#session,
      renderer: new RemoteRenderer(boot),
      language: languageName(article.dataset.language ?? ""),
      notify: (level, text, action) => notices.show(level, text, action),
    };
    this.#toolbar = new Toolbar(article, this.#session);
    if (opened.kind === "notebook") {
      const notebook = new NotebookView(shared, article);
      this.#toolbar.addNotebookTools(notebook);
      this.#view = notebook;
    } else {
      this.#view = new FileView(shared, article, this.#toolbar, path);
    }
    this.#follow(article, events);
  }

  get #notebook(): NotebookView | null {
    return this.#view instanceof NotebookView ? this.#view : null;
  }

  save(): void {
    this.#session.send({ type: "save" });
  }

  run(): void {
    this.#notebook?.runAll();
  }

  destroy(): void {
    this.#disposables.destroy();
    this.#view.destroy();
    this.#toolbar.destroy();
    this.#session.destroy();
  }

  #follow(article: HTMLElement, events: DocumentEvents): void {
    const bar = el("div", "document-notice");
    bar.setAttribute("role", "alert");
    const drawBar = (): void => this.#drawBar(bar, article, events);
    this.#disposables.add(
      this.#session.state.subscribe((state, before) => {
        article.classList.toggle("is-readonly", !state.canWrite);
        if (state.isSynced && !before.isSynced) {
          this.#view.refresh();
          this.#replayPress();
        }
        if (state.isSaved && !before.isSaved) events.onSaved();
        if (state.kernel !== before.kernel || state.closedReason !== before.closedReason) drawBar();
      }),
      () => bar.remove(),
    );
  }

  /** A press on the server-rendered page, before there was an editor to answer it. */
  #replayPress(): void {
    const press = this.#boot.takePress();
    const active = document.activeElement;
    if (press === null || (active !== null && active !== document.body)) return;
    if (this.opened.article.contains(press.target)) this.#view.edit(press);
  }

  /** What keeps somebody from working: a dead kernel, a closed document. */
  #drawBar(bar: HTMLElement, article: HTMLElement, events: DocumentEvents): void {
    const { kernel, closedReason } = this.#session.state.value;
    bar.remove();
    if (closedReason !== null) {
      const again = el("button", "", "Open again");
      again.addEventListener("click", () => events.onReplaced());
      bar.replaceChildren(el("span", "", closedReason), again);
    } else if (kernel === "dead") {
      const restart = el("button", "", "Restart the kernel");
      restart.addEventListener("click", () => this.#session.send({ type: "restart" }));
      bar.replaceChildren(el("span", "", "The kernel stopped. Variables are lost; the document is safe."), restart);
    } else {
      return;
    }
    bar.append(button("Close", "close", () => bar.remove()));
    article.querySelector(":scope > .toolbar")?.after(bar);
  }
}

function languageName(named: string): string {
  const known: Record<string, string> = {
    ipython: "python",
    sagemath: "python",
    sage: "python",
    sh: "bash",
    "c++": "cpp",
  };
  return known[named] ?? named;
}
