import type { KernelState } from "@studiolo/protocol";
import { button, confirmDialog, el } from "../cells/dom.ts";
import type { NotebookView } from "../cells/notebook.ts";
import type { DocumentSession, SessionState } from "../document/session.ts";
import { COLOURS } from "../editor/colours.ts";
import { Disposables } from "../store/store.ts";

/** The slim bar over a document: what one can do, and its quiet state. */

const KERNEL_WORDS: Record<KernelState, string> = {
  none: "",
  starting: "Starting\u2026",
  idle: "Ready",
  busy: "Running",
  restarting: "Restarting\u2026",
  dead: "Stopped",
};

export class Toolbar {
  readonly #element: HTMLElement;
  readonly #session: DocumentSession;
  readonly #disposables = new Disposables();
  readonly #left = el("div", "tools");
  readonly #kernel = el("span", "pill kernel");
  readonly #saved = el("span", "pill saved");
  readonly #people = el("span", "people");
  #drawn = "";

  constructor(article: HTMLElement, session: DocumentSession) {
    this.#session = session;
    this.#element = article.querySelector<HTMLElement>(":scope > .toolbar") ?? el("div", "toolbar");
    if (!this.#element.isConnected) article.prepend(this.#element);
    this.#element.setAttribute("role", "toolbar");
    this.#element.setAttribute("aria-label", "Document");
    this.#element.removeAttribute("aria-busy");
    this.#kernel.setAttribute("role", "status");
    this.#saved.setAttribute("role", "status");
    this.#element.replaceChildren(this.#left, el("div", "state", this.#people, this.#kernel, this.#saved));
    this.#disposables.add(session.state.subscribe(() => this.#draw()));
    session.awareness.on("change", this.#drawPeople);
    this.#disposables.add(() => session.awareness.off("change", this.#drawPeople));
  }

  addNotebookTools(notebook: NotebookView): void {
    const add = (label: string, icon: "code" | "text", type: "code" | "markdown"): HTMLButtonElement => {
      const made = button(`Add ${label.toLowerCase()} below`, icon, () =>
        notebook.insert(notebook.selected?.id ?? null, "below", type),
      );
      made.append(el("span", "label", label));
      return made;
    };
    const run = button("Run and go on (Shift+Enter)", "run", () => {
      const selected = notebook.selected;
      if (selected === null) notebook.step(1);
      else notebook.run(selected.id, "advance");
    });
    run.append(el("span", "label", "Run"));
    this.#left.append(
      run,
      button("Run all cells", "runAll", () => notebook.runAll()),
      button("Interrupt", "stop", () => this.#session.send({ type: "interrupt" }), "interrupt"),
      button("Restart the kernel", "restart", () => void this.restart()),
      el("span", "divider"),
      add("Code", "code", "code"),
      add("Text", "text", "markdown"),
    );
  }

  /** Say which file this is, where nothing else in the bar does. */
  addName(name: string): void {
    this.#left.append(el("span", "file-name", name));
  }

  addToggle(label: string, icon: "eye", onToggle: (isOn: boolean) => void): void {
    const toggle = button(label, icon, () => {
      const isOn = toggle.getAttribute("aria-pressed") !== "true";
      toggle.setAttribute("aria-pressed", String(isOn));
      onToggle(isOn);
    });
    toggle.setAttribute("aria-pressed", "false");
    toggle.append(el("span", "label", label));
    this.#left.append(toggle);
  }

  async restart(): Promise<void> {
    const text = "All variables are lost. The document and its outputs stay.";
    if (await confirmDialog("Restart the kernel?", text, "Restart")) this.#session.send({ type: "restart" });
  }

  destroy(): void {
    this.#disposables.destroy();
    this.#element.replaceChildren();
  }

  #draw(): void {
    const { kernel, kernelName, isConnected, isSynced, canWrite, unacked, isSaved } = this.#session.state.value;
    const drawn = [kernel, kernelName, isConnected, isSynced, canWrite, unacked > 0, isSaved].join();
    if (drawn === this.#drawn) return; // most changes are one more letter on its way
    this.#drawn = drawn;
    this.#kernel.hidden = kernel === "none";
    this.#kernel.dataset.state = kernel;
    this.#kernel.title = kernelName;
    setWords(this.#kernel, KERNEL_WORDS[kernel]);
    this.#element.classList.toggle("is-busy", kernel === "busy");
    this.#left.inert = !canWrite;
    const [state, words] = savedState(this.#session.state.value);
    this.#saved.dataset.state = state;
    setWords(this.#saved, words);
  }

  #drawPeople = (): void => {
    const people: HTMLElement[] = [];
    for (const [id, state] of this.#session.awareness.getStates()) {
      if (id === this.#session.doc.clientID || people.length >= 6) continue;
      const name: unknown = state.user?.name;
      const words = typeof name === "string" && name.trim() !== "" ? name.trim().slice(0, 60) : "Somebody";
      const initials = words
        .split(/\s+/)
        .slice(0, 2)
        .map((part) => Array.from(part)[0] ?? "")
        .join("");
      const person = el("span", `person peer-${id % COLOURS}`, initials.toUpperCase());
      person.title = `${words} is here`;
      person.setAttribute("role", "img");
      person.setAttribute("aria-label", person.title);
      people.push(person);
    }
    this.#people.replaceChildren(...people);
  };
}

function savedState({
  isConnected,
  isSynced,
  canWrite,
  unacked,
  isSaved,
}: SessionState): [state: string, words: string] {
  if (!isConnected && !isSynced) return ["saving", "Connecting\u2026"];
  if (!isConnected) return ["offline", unacked > 0 ? "Offline \u2013 not saved" : "Offline"];
  if (!canWrite) return ["readonly", "Read-only"];
  return unacked > 0 || !isSaved ? ["saving", "Saving\u2026"] : ["saved", "Saved"];
}

function setWords(pill: HTMLElement, words: string): void {
  if (pill.textContent === words) return;
  pill.replaceChildren(el("span", "dot"), el("span", "words", words));
}
