import type * as Y from "yjs";
import type { CellMap } from "../document/cells.ts";
import type { Shared } from "../document/shared.ts";
import type { Place } from "../editor/editor.ts";
import { finish } from "../outputs/rich.ts";
import { signature } from "../outputs/text.ts";
import { Disposables } from "../store/store.ts";
import { el } from "./dom.ts";
import { type SourceOptions, SourceView } from "./source.ts";

/** The text of a markdown cell: rendered by the server, edited after a double click or Enter. */

const REDRAW_MS = 300;

export class MarkdownView {
  readonly #shared: Shared;
  readonly #element: HTMLElement;
  readonly #options: SourceOptions;
  readonly #disposables = new Disposables();
  #text: Y.Text | null = null;
  #cell: CellMap | null = null;
  #rich: HTMLElement;
  #editing: SourceView | null = null;
  #shownSignature: string;
  #timer = 0;

  constructor(shared: Shared, element: HTMLElement, options: SourceOptions) {
    this.#shared = shared;
    this.#element = element;
    this.#options = { ...options, placeholder: "Write text; **markdown** and $math$ work", onFocus: this.#onFocus };
    this.#rich = element.querySelector<HTMLElement>(":scope > .rich") ?? element.appendChild(el("div", "rich"));
    this.#shownSignature = element.closest<HTMLElement>(".cell")?.dataset.sig ?? "";
    this.#disposables.listen(element, "dblclick", (event) => {
      if (this.#editing === null) void this.edit({ x: event.clientX, y: event.clientY });
    });
    void finish(this.#shared, this.#rich);
  }

  get hasFocus(): boolean {
    return this.#editing?.hasFocus ?? false;
  }

  bind(text: Y.Text, cell: CellMap): void {
    this.#cell = cell;
    if (text === this.#text) return;
    this.#text?.unobserve(this.#onChange);
    this.#text = text;
    text.observe(this.#onChange);
    this.#editing?.bind(text);
    if (this.#editing === null) void this.#render();
  }

  async edit(place?: Place): Promise<void> {
    if (this.#text === null) return;
    if (this.#editing === null) {
      const editor = el("div", "markdown-editor");
      this.#element.append(editor);
      this.#editing = new SourceView(this.#shared, editor, this.#options);
      this.#editing.bind(this.#text);
      await this.#editing.edit();
      this.#rich.hidden = true;
    }
    await this.#editing?.edit(place ?? "end");
  }

  /** Go back to the rendered form. */
  leave(): void {
    if (this.#editing === null) return;
    this.#editing.destroy();
    this.#editing.element.remove();
    this.#editing = null;
    this.#rich.hidden = false;
    void this.#render();
  }

  destroy(): void {
    clearTimeout(this.#timer);
    this.#text?.unobserve(this.#onChange);
    this.#editing?.destroy();
    this.#disposables.destroy();
  }

  #onFocus = (hasFocus: boolean): void => {
    if (hasFocus) return;
    // a click elsewhere on the page leaves the cell; a switch to another window does not
    setTimeout(() => {
      if (document.hasFocus() && this.#editing !== null && !this.#editing.hasFocus) this.leave();
    }, 100);
  };

  #onChange = (): void => {
    if (this.#editing !== null) return;
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#render(), REDRAW_MS);
  };

  async #render(): Promise<void> {
    const text = this.#text?.toString() ?? "";
    const sig = signature(text);
    const isEmpty = text.trim() === "";
    this.#element.classList.toggle("is-empty", isEmpty);
    if (sig === this.#shownSignature) return;
    this.#shownSignature = sig;
    if (isEmpty) {
      this.#rich.replaceChildren();
      return;
    }
    const attachments = this.#cell?.get("attachments");
    const item = { kind: "markdown" as const, text, ...(attachments === undefined ? {} : { attachments }) };
    const html = await this.#shared.renderer.render(item);
    if (this.#shownSignature !== sig) return;
    if (html === null) {
      this.#rich.replaceChildren(el("pre", "text", text));
      this.#shownSignature = "";
      return;
    }
    this.#shared.boot.setHtml(this.#rich, html);
    await finish(this.#shared, this.#rich);
  }
}
