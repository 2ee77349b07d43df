import * as Y from "yjs";
import { paintColours } from "../boot/colours.ts";
import { el } from "../cells/dom.ts";
import type { Shared } from "../document/shared.ts";
import { Terminal } from "./ansi.ts";
import { OutputFrame } from "./frame.ts";
import { jsonTree } from "./json.ts";
import { modelOf, type OutputModel } from "./mime.ts";
import { finish } from "./rich.ts";

/** One output on the page: takes over what the server rendered, or draws itself. */

const LINES_A_BLOCK = 200;

export class OutputView {
  readonly element: HTMLElement;
  readonly #shared: Shared;
  #undo: (() => void)[] = [];

  constructor(shared: Shared, output: unknown, rendered: HTMLElement | null) {
    this.#shared = shared;
    const model = modelOf(output);
    const isSame =
      rendered !== null &&
      model.sig !== "" &&
      rendered.dataset.kind === model.kind &&
      rendered.dataset.sig === model.sig;
    this.element = isSame ? rendered : el("div", "output");
    if (isSame) void finish(shared, rendered);
    else this.#draw(model);
    const text = output instanceof Y.Map ? output.get("text") : null;
    if (model.kind === "stream" && text instanceof Y.Text) this.#follow(text, isSame);
    else if (output instanceof Y.Map) this.#redrawOnChange(output);
  }

  destroy(): void {
    for (const undo of this.#undo.splice(0)) undo();
    this.element.remove();
  }

  #draw(model: OutputModel): void {
    this.element.dataset.kind = model.kind;
    if (model.name !== null) this.element.dataset.name = model.name;
    switch (model.kind) {
      case "image":
        this.element.replaceChildren(picture(model));
        break;
      case "json":
        this.element.replaceChildren(el("div", "json", jsonTree(model.json)));
        break;
      case "frame": {
        const place = el("div", "", el("p", "muted", "Interactive output is loading\u2026"));
        this.element.replaceChildren(place);
        const frame = new OutputFrame(place, model.text);
        this.#undo.push(() => frame.destroy());
        break;
      }
      case "html":
      case "markdown":
      case "latex":
        void this.#drawRich(model.kind, model.text);
        break;
      default:
        this.element.replaceChildren(this.#terminal(model).element);
    }
  }

  async #drawRich(kind: "html" | "markdown" | "latex", text: string): Promise<void> {
    const rich = el("div", "rich");
    this.element.replaceChildren(rich);
    const html = await this.#shared.renderer.render({ kind, text });
    if (html === null) {
      rich.replaceWith(el("pre", "text", text.slice(0, 100_000)));
      return;
    }
    this.#shared.boot.setHtml(rich, html);
    await finish(this.#shared, rich);
  }

  #terminal(model: OutputModel): TerminalView {
    const view = new TerminalView(this.#shared, model.mime === "note" ? "text muted" : "text");
    view.write(model.text);
    return view;
  }

  /** Keep up with a growing stream; what the server rendered stays until the first change. */
  #follow(text: Y.Text, isRendered: boolean): void {
    let view: TerminalView | null = null;
    const start = (): void => {
      view = new TerminalView(this.#shared, "text");
      view.write(text.toString());
      this.element.replaceChildren(view.element);
    };
    if (!isRendered) start();
    let length = text.length;
    const follow = (event: Y.YTextEvent): void => {
      const added = appended(event, length);
      length = text.length;
      if (view !== null && added !== null) view.write(added);
      else start();
    };
    text.observe(follow);
    this.#undo.push(() => text.unobserve(follow));
  }

  #redrawOnChange(output: Y.Map<unknown>): void {
    const redraw = (): void => this.#draw(modelOf(output));
    output.observeDeep(redraw);
    this.#undo.push(() => output.unobserveDeep(redraw));
  }
}

/** Return the text that was added at the end, or null for any other change. */
function appended(event: Y.YTextEvent, lengthBefore: number): string | null {
  const [first, second, ...more] = event.delta;
  if (more.length > 0 || first === undefined) return null;
  if (lengthBefore === 0 && second === undefined && typeof first.insert === "string") return first.insert;
  if (first.retain !== lengthBefore || typeof second?.insert !== "string") return null;
  return second.insert;
}

/** Terminal text in blocks of lines, so that a long stream redraws only its end. */
class TerminalView {
  readonly element: HTMLElement;
  readonly #shared: Shared;
  readonly #terminal = new Terminal();
  #dirtyBlock = 0;
  #frame = 0;

  constructor(shared: Shared, className: string) {
    this.#shared = shared;
    this.element = el("pre", className);
  }

  write(text: string): void {
    const first = Math.floor(this.#terminal.write(text) / LINES_A_BLOCK);
    this.#dirtyBlock = Math.min(this.#dirtyBlock, first);
    if (this.element.childElementCount === 0) this.#draw();
    else this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    this.#frame = 0;
    const isAtEnd = this.element.scrollHeight - this.element.scrollTop - this.element.clientHeight < 24;
    const count = this.#terminal.lineCount;
    for (let block = this.#dirtyBlock; block * LINES_A_BLOCK < count; block++) {
      const end = Math.min(count, (block + 1) * LINES_A_BLOCK);
      let html = this.#terminal.html(block * LINES_A_BLOCK, end);
      if (end < count) html += "\n";
      const place = this.element.children[block] ?? this.element.appendChild(el("span", ""));
      if (end === count && html.endsWith("\n")) html = html.slice(0, -1);
      this.#shared.boot.setHtml(place, html);
      paintColours(place);
    }
    this.#dirtyBlock = Math.floor((count - 1) / LINES_A_BLOCK);
    if (isAtEnd) this.element.scrollTop = this.element.scrollHeight;
  }
}

function picture(model: OutputModel): HTMLElement {
  const image = el("img", "");
  image.alt = "Output";
  if (model.width) image.width = model.width;
  if (model.height) image.height = model.height;
  image.src =
    model.mime === "image/svg+xml"
      ? `data:image/svg+xml;charset=utf-8,${encodeURIComponent(model.text)}`
      : `data:${model.mime};base64,${model.text.replace(/\s/g, "")}`;
  image.onerror = () => image.replaceWith(el("pre", "text muted", "A picture that cannot be read."));
  return image;
}
