import * as Y from "yjs";
import type { Press } from "../boot/boot.ts";
import {
  type CellMap,
  type CellType,
  cellList,
  cellsOf,
  changeType,
  deleteCell,
  idOf,
  indexOf,
  insertCell,
  LOCAL,
  moveCell,
  newCell,
  typeOf,
} from "../document/cells.ts";
import type { Shared } from "../document/shared.ts";
import type { Leave } from "../editor/editor.ts";
import { Disposables } from "../store/store.ts";
import { CellView } from "./cell.ts";
import { el, iconOf } from "./dom.ts";
import type { CellHost } from "./host.ts";
import { commandKeys, runKeys } from "./keyboard.ts";
import { Later } from "./later.ts";
import { prepareEditor } from "./source.ts";

/** The cells of a notebook, in the order of the shared document. */
export class NotebookView implements CellHost {
  readonly shared: Shared;
  readonly #element: HTMLElement;
  readonly #views = new Map<string, CellView>();
  readonly #rendered = new Map<string, HTMLElement>();
  readonly #disposables = new Disposables();
  readonly #undo: Y.UndoManager;
  readonly #later: Later;
  readonly #end: HTMLElement;
  /** Cells that were run from this page: what they ask is asked here. */
  readonly #runHere = new Set<string>();
  #selected: string | null = null;
  #isPainting = false;

  constructor(shared: Shared, article: HTMLElement) {
    this.shared = shared;
    this.#element = article.querySelector<HTMLElement>(".cells") ?? article.appendChild(el("div", "cells"));
    for (const section of this.#element.querySelectorAll<HTMLElement>(":scope > .cell")) {
      const id = section.dataset.id ?? "";
      if (!this.#rendered.has(id)) this.#rendered.set(id, section);
    }
    this.#end = this.#addEnd(article);
    const cells = cellsOf(shared.session.doc);
    this.#undo = new Y.UndoManager(cells, { trackedOrigins: new Set([LOCAL]), captureTimeout: 0 });
    cells.observe(this.#sync);
    this.#disposables.add(() => cells.unobserve(this.#sync));
    this.#later = new Later(article, this.#disposables); // hears keys before the others
    this.#disposables.listen(article, "keydown", runKeys(this), { capture: true });
    this.#disposables.listen(article, "keydown", commandKeys(this));
    this.#sync();
    void this.#paintAll();
  }

  get selected(): CellView | null {
    return this.#selected === null ? null : (this.#views.get(this.#selected) ?? null);
  }

  cell(id: string): CellView | null {
    return this.#views.get(id) ?? null;
  }

  select(id: string): void {
    if (id === this.#selected) return;
    this.selected?.setSelected(false);
    this.#selected = id;
    this.selected?.setSelected(true);
  }

  run(id: string, then: "stay" | "advance" | "insert"): void {
    const view = this.#views.get(id);
    if (view === undefined) return;
    if (view.type !== "code") {
      view.render();
      this.#goOn(view, then);
    } else {
      this.#send(id);
      this.#later.do(() => this.#goOn(view, then));
    }
  }

  runAll(): void {
    for (const view of this.#views.values()) {
      view.render();
      this.#runHere.add(view.id);
    }
    if (this.#mayWrite() && !this.shared.session.send({ type: "run_all" })) this.#sayOffline();
  }

  leave(id: string, direction: Leave): boolean {
    const next = this.#neighbour(id, direction === "up" ? -1 : 1);
    if (next === null) return false;
    this.#views.get(id)?.render();
    this.select(next.id);
    if (next.type === "markdown") next.focus();
    else next.edit(direction === "up" ? "end" : "start");
    return true;
  }

  /** Move the selection in command mode. */
  step(by: -1 | 1): void {
    const next = this.#selected === null ? [...this.#ordered()][0] : this.#neighbour(this.#selected, by);
    if (!next) return;
    this.select(next.id);
    next.focus();
  }

  insert(id: string | null, where: "above" | "below", type: CellType): void {
    if (!this.#mayWrite()) return;
    const doc = this.shared.session.doc;
    const index = id === null ? cellsOf(doc).length : indexOf(doc, id) + (where === "below" ? 1 : 0);
    const cell = newCell(type);
    insertCell(doc, index, cell);
    const made = this.#views.get(idOf(cell));
    if (made === undefined) return;
    this.select(made.id);
    made.edit("end");
    made.element.scrollIntoView({ block: "nearest" });
  }

  remove(id: string): void {
    if (!this.#mayWrite()) return;
    const next = this.#neighbour(id, 1) ?? this.#neighbour(id, -1);
    deleteCell(this.shared.session.doc, id);
    if (next !== null) {
      this.select(next.id);
      next.focus();
    }
    this.shared.notify("info", "Cell deleted.", { label: "Undo", run: () => this.undo() });
  }

  move(id: string, by: -1 | 1): void {
    if (!this.#mayWrite()) return;
    if (this.#views.get(id)?.isRunning) {
      this.shared.notify("info", "Wait until the cell has run, then move it.");
      return;
    }
    if (moveCell(this.shared.session.doc, id, by)) this.#views.get(id)?.focus();
  }

  changeType(id: string, type: CellType): void {
    if (!this.#mayWrite() || !changeType(this.shared.session.doc, id, type)) return;
    const view = this.#views.get(id);
    this.select(id);
    if (view && view.type === "markdown") view.edit("end");
    else view?.focus();
  }

  /** Go on from where the reader pressed before the editors were there. */
  edit(press: Press): void {
    const section = press.target.closest<HTMLElement>(".cell");
    const view = this.#views.get(section?.dataset.id ?? "");
    if (view === undefined) return;
    this.select(view.id);
    if (view.type !== "markdown" && press.target.closest(".source") !== null) view.edit(press);
  }

  undo(): void {
    this.#undo.undo();
  }

  ask(id: string, prompt: string, isPassword: boolean): void {
    this.#later.now(); // else the focus would go on from the question
    this.#views.get(id)?.ask(prompt, isPassword, this.#runHere.has(id));
  }

  stopAsking(id: string): void {
    this.#views.get(id)?.stopAsking();
  }

  destroy(): void {
    this.#undo.destroy();
    this.#disposables.destroy();
    for (const view of this.#views.values()) view.destroy();
    this.#views.clear();
    this.#end.remove();
  }

  #sync = (): void => {
    if (!this.shared.session.state.value.isSynced) return;
    const cells = cellList(this.shared.session.doc);
    const wanted = new Set(cells.map(idOf));
    for (const [id, view] of this.#views) if (!wanted.has(id)) this.#drop(id, view);
    const focused = document.activeElement;
    for (const [index, cell] of cells.entries()) {
      const { element } = this.#viewOf(cell);
      const there = this.#element.children[index] ?? null;
      if (there !== element) this.#element.insertBefore(element, there);
    }
    while (this.#element.childElementCount > cells.length) this.#element.lastElementChild?.remove();
    if (focused instanceof HTMLElement && focused !== document.activeElement && focused.isConnected) focused.focus();
    this.#element.classList.toggle("is-empty", cells.length === 0);
  };

  #viewOf(cell: CellMap): CellView {
    const id = idOf(cell);
    const before = this.#views.get(id);
    if (before && before.type === typeOf(cell)) {
      before.bind(cell);
      return before;
    }
    const isSelected = this.#selected === id;
    if (before) this.#drop(id, before);
    const section = this.#rendered.get(id) ?? null;
    this.#rendered.delete(id);
    const view = new CellView(this, cell, section?.dataset.type === typeOf(cell) ? section : null);
    this.#views.set(id, view);
    if (isSelected) {
      this.#selected = id;
      view.setSelected(true);
    }
    return view;
  }

  #drop(id: string, view: CellView): void {
    if (this.#selected === id) this.#selected = null;
    view.destroy();
    this.#views.delete(id);
  }

  #send(id: string): void {
    this.#runHere.add(id);
    if (this.#mayWrite() && !this.shared.session.send({ type: "run", cell_id: id })) this.#sayOffline();
  }

  #sayOffline(): void {
    this.shared.notify("warning", "Not connected: code runs again once the connection is back.");
  }

  #mayWrite(): boolean {
    if (this.shared.session.state.value.canWrite) return true;
    this.shared.notify("info", "This document is read-only.");
    return false;
  }

  #goOn(view: CellView, then: "stay" | "advance" | "insert"): void {
    if (this.#views.get(view.id) !== view) return; // it was deleted meanwhile
    if (then === "insert") this.insert(view.id, "below", "code");
    else if (then === "advance") this.#advance(view.id);
    else view.focus();
  }

  #advance(id: string): void {
    const next = this.#neighbour(id, 1);
    if (next === null) {
      this.insert(id, "below", "code");
      return;
    }
    this.select(next.id);
    next.focus();
  }

  #ordered(): CellView[] {
    return cellList(this.shared.session.doc).flatMap((cell) => this.#views.get(idOf(cell)) ?? []);
  }

  #neighbour(id: string, by: -1 | 1): CellView | null {
    const ordered = this.#ordered();
    const index = ordered.findIndex((view) => view.id === id);
    return index < 0 ? null : (ordered[index + by] ?? null);
  }

  #addEnd(article: HTMLElement): HTMLElement {
    const add = (label: string, icon: "code" | "text", type: CellType): HTMLButtonElement => {
      const made = el("button", "add", iconOf(icon), label);
      made.type = "button";
      made.addEventListener("click", () => this.insert(null, "below", type));
      return made;
    };
    const end = el("div", "end", add("Code", "code", "code"), add("Text", "text", "markdown"));
    article.append(end);
    return end;
  }

  async #paintAll(): Promise<void> {
    if (this.#isPainting) return;
    this.#isPainting = true;
    if (!(await prepareEditor())) return;
    for (const view of this.#ordered()) {
      await view.paint();
      await new Promise((resolve) => setTimeout(resolve));
    }
    this.#isPainting = false;
  }

  /** Called once the document is here, and again after changes that the list itself did not tell of. */
  refresh(): void {
    this.#sync();
    void this.#paintAll();
  }
}
