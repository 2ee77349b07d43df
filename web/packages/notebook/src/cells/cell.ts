import type { KeyBinding } from "@codemirror/view";
import type * as Y from "yjs";
import {
  type CellMap,
  type CellType,
  countOf,
  executionStateOf,
  idOf,
  outputsOf,
  sourceOf,
  typeOf,
} from "../document/cells.ts";
import type { Place } from "../editor/editor.ts";
import { InputView } from "../outputs/input.ts";
import { OutputsView } from "../outputs/outputs.ts";
import { Disposables } from "../store/store.ts";
import { button, el } from "./dom.ts";
import type { CellHost } from "./host.ts";
import { MarkdownView } from "./markdown.ts";
import { SourceView } from "./source.ts";

const CELL_NAMES = { code: "Code cell", markdown: "Text cell", raw: "Raw cell" } as const;

/** One cell on the page; it lives as long as a cell of its id and type is in the notebook. */
export class CellView {
  readonly id: string;
  readonly type: CellType;
  readonly element: HTMLElement;
  readonly #host: CellHost;
  readonly #count: HTMLElement;
  readonly #source: SourceView | MarkdownView;
  readonly #outputs: OutputsView | null;
  readonly #body: HTMLElement;
  readonly #runButton: HTMLButtonElement | null;
  readonly #disposables = new Disposables();
  #cell: CellMap | null = null;
  #input: InputView | null = null;

  constructor(host: CellHost, cell: CellMap, rendered: HTMLElement | null) {
    this.#host = host;
    this.id = idOf(cell);
    this.type = typeOf(cell);
    const parts = rendered === null ? blank(this.id, this.type) : partsOf(rendered);
    this.element = parts.element;
    this.#count = parts.count;
    this.#body = parts.body;
    this.#runButton = this.type === "code" ? this.#addRunButton(parts.side) : null;
    this.#source = this.#makeSource(parts.source);
    this.#outputs = this.type === "code" ? new OutputsView(host.shared, parts.outputs) : null;
    this.#addActions();
    this.element.tabIndex = 0; // who has no pointer gets to a cell by Tab, and into it by Enter
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", CELL_NAMES[this.type]);
    this.#disposables.listen(this.element, "focusin", () => host.select(this.id));
    this.#disposables.listen(this.element, "pointerdown", () => host.select(this.id));
    this.bind(cell);
  }

  get isEditing(): boolean {
    return this.#source.hasFocus;
  }

  get isRunning(): boolean {
    return this.#cell !== null && this.type === "code" && executionStateOf(this.#cell) !== "idle";
  }

  bind(cell: CellMap): void {
    if (cell === this.#cell) return;
    this.#cell?.unobserve(this.#drawState);
    this.#cell = cell;
    cell.observe(this.#drawState);
    if (this.#source instanceof MarkdownView) this.#source.bind(sourceOf(cell), cell);
    else this.#source.bind(sourceOf(cell));
    this.#drawState();
  }

  edit(place: Place): void {
    void this.#source.edit(place);
  }

  /** Show what was written, for a cell that is rendered rather than run. */
  render(): void {
    if (this.#source instanceof MarkdownView) this.#source.leave();
  }

  focus(): void {
    this.element.focus({ preventScroll: true });
    this.element.scrollIntoView({ block: "nearest" });
  }

  setSelected(isSelected: boolean): void {
    this.element.classList.toggle("is-selected", isSelected);
  }

  /** Colour the code of a cell that nobody edits. */
  paint(): Promise<void> {
    return this.#source instanceof SourceView && !this.#source.isMounted ? this.#source.paint() : Promise.resolve();
  }

  ask(prompt: string, isPassword: boolean, takesFocus: boolean): void {
    this.#input?.destroy();
    this.#input = new InputView(prompt, isPassword, takesFocus, (value) => {
      this.#host.shared.session.send({ type: "input_reply", cell_id: this.id, value });
      this.focus();
    });
    this.#body.append(this.#input.element);
  }

  stopAsking(): void {
    this.#input?.destroy();
    this.#input = null;
  }

  destroy(): void {
    this.#cell?.unobserve(this.#drawState);
    this.stopAsking();
    this.#source.destroy();
    this.#outputs?.destroy();
    this.#disposables.destroy();
    this.element.remove();
  }

  #makeSource(element: HTMLElement): SourceView | MarkdownView {
    const shared = this.#host.shared;
    const label = this.type === "code" ? "Code" : "Text";
    const options = {
      language: this.type === "code" ? shared.language : this.type === "markdown" ? "markdown" : "",
      label,
      keys: this.#keys(),
      onLeave: (direction: "up" | "down") => this.#host.leave(this.id, direction),
    };
    if (this.type === "markdown") return new MarkdownView(shared, element, options);
    const source = new SourceView(shared, element, options);
    const open = (event: MouseEvent): void => {
      if (source.isMounted || event.button !== 0) return;
      void source.edit({ x: event.clientX, y: event.clientY });
    };
    this.#disposables.listen(element, "click", open);
    return source;
  }

  #keys(): KeyBinding[] {
    const leave = (): boolean => {
      this.render();
      this.focus();
      return true;
    };
    return [{ key: "Escape", run: leave }];
  }

  #addRunButton(side: HTMLElement): HTMLButtonElement {
    const run = button("Run this cell (Shift+Enter)", "run", () => this.#host.run(this.id, "stay"), "run");
    side.prepend(run);
    this.#disposables.add(() => run.remove());
    return run;
  }

  #addActions(): void {
    const actions = el("div", "actions");
    actions.setAttribute("role", "group");
    actions.setAttribute("aria-label", "Cell");
    const other: CellType = this.type === "code" ? "markdown" : "code";
    actions.append(
      button("Move up", "up", () => this.#host.move(this.id, -1)),
      button("Move down", "down", () => this.#host.move(this.id, 1)),
      button(other === "code" ? "Make it code (Y)" : "Make it text (M)", other === "code" ? "code" : "text", () =>
        this.#host.changeType(this.id, other),
      ),
      button("Add a cell below (B)", "plus", () => this.#host.insert(this.id, "below", "code")),
      button("Delete (D D)", "trash", () => this.#host.remove(this.id)),
    );
    this.element.append(actions);
    this.#disposables.add(() => actions.remove());
  }

  #drawState = (event?: Y.YMapEvent<unknown>): void => {
    const cell = this.#cell;
    if (cell === null) return;
    if (event?.keysChanged.has("source")) this.#source.bind(sourceOf(cell), cell);
    if (this.type !== "code") return;
    if (event === undefined || event.keysChanged.has("outputs")) this.#outputs?.bind(outputsOf(cell));
    const state = executionStateOf(cell);
    this.element.dataset.state = state;
    const words = { idle: countOf(cell), queued: "[\u2026]", busy: "[*]" }[state];
    if (this.#count.textContent !== words) this.#count.textContent = words;
    const names = { idle: "", queued: "Waiting to run", busy: "Running" };
    this.#count.setAttribute("aria-label", names[state] || `Run number ${words}`);
    this.#runButton?.toggleAttribute("data-busy", state !== "idle");
  };
}

interface Parts {
  element: HTMLElement;
  side: HTMLElement;
  count: HTMLElement;
  body: HTMLElement;
  source: HTMLElement;
  outputs: HTMLElement;
}

function blank(id: string, type: CellType): Parts {
  const element = el("section", "cell");
  element.dataset.id = id;
  element.dataset.type = type;
  return partsOf(element);
}

/** Find the parts that the server rendered, and make those that are missing. */
function partsOf(element: HTMLElement): Parts {
  const part = (parent: HTMLElement, name: string, tag: "div" | "span" = "div"): HTMLElement => {
    const found = parent.querySelector<HTMLElement>(`:scope > .${name}`);
    return found ?? parent.appendChild(el(tag, name));
  };
  const side = part(element, "side");
  const body = part(element, "body");
  const source = part(body, "source");
  const outputs = element.dataset.type === "code" ? part(body, "outputs") : el("div", "outputs");
  return { element, side, count: part(side, "count", "span"), body, source, outputs };
}
