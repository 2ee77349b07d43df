import type * as Y from "yjs";
import { el } from "../cells/dom.ts";
import type { Shared } from "../document/shared.ts";
import { OutputView } from "./output.ts";

/** The outputs of one cell, kept in step with the shared document. */

const HOLD_MS = 400;
const TALL_PIXELS = 480;

export class OutputsView {
  readonly element: HTMLElement;
  readonly #shared: Shared;
  #outputs: Y.Array<unknown> | null = null;
  #shown: { output: unknown; view: OutputView }[] = [];
  #release = 0;
  #height = 0;
  readonly #resize: ResizeObserver;
  readonly #more: HTMLButtonElement;

  constructor(shared: Shared, element: HTMLElement) {
    this.#shared = shared;
    this.element = element;
    this.#more = el("button", "show-all", "Show all");
    this.#more.type = "button";
    this.#more.addEventListener("click", () => this.#toggle());
    this.#resize = new ResizeObserver((entries) => {
      // told after layout: asking at each change would make the browser lay the page out again and again
      for (const { target, contentRect } of entries) if (target === element) this.#height = contentRect.height;
      this.#measure();
    });
    this.#resize.observe(element);
  }

  /** Show these outputs; what the server rendered for them is kept where it is the same. */
  bind(outputs: Y.Array<unknown> | null): void {
    if (outputs === this.#outputs) return;
    this.#outputs?.unobserve(this.#sync);
    this.#outputs = outputs;
    outputs?.observe(this.#sync);
    this.#sync();
  }

  destroy(): void {
    clearTimeout(this.#release);
    this.#resize.disconnect();
    this.#outputs?.unobserve(this.#sync);
    for (const { view } of this.#shown) view.destroy();
  }

  #sync = (): void => {
    const wanted = this.#outputs?.toArray() ?? [];
    const rendered =
      this.#shown.length === 0 ? [...this.element.querySelectorAll<HTMLElement>(":scope > .output")] : [];
    if (wanted.length === 0 && this.#shown.length > 0) this.#hold();
    const next: { output: unknown; view: OutputView }[] = [];
    let hasChanged = false;
    for (const [index, output] of wanted.entries()) {
      const before = this.#shown[index];
      if (before && isSameOutput(before.output, output)) {
        next.push(before);
        continue;
      }
      hasChanged = true;
      before?.view.destroy();
      next.push({ output, view: new OutputView(this.#shared, output, rendered[index] ?? null) });
    }
    for (const { view } of this.#shown.slice(wanted.length)) view.destroy();
    this.#shown = next;
    for (const old of rendered) if (!next.some(({ view }) => view.element === old)) old.remove();
    if (hasChanged) this.#place();
    if (wanted.length > 0) this.#letGo();
    else this.#more.remove();
  };

  #place(): void {
    for (const [index, { view }] of this.#shown.entries()) {
      const there = this.element.children[index] ?? null;
      if (there !== view.element) this.element.insertBefore(view.element, there);
      this.#resize.observe(view.element.firstElementChild ?? view.element);
    }
  }

  /** Keep the height for a moment when a cell runs again, so that what is below does not jump up and down. */
  #hold(): void {
    clearTimeout(this.#release);
    this.element.style.minHeight = `${this.#height}px`;
    this.#release = window.setTimeout(() => this.#letGo(), HOLD_MS);
  }

  #letGo(): void {
    clearTimeout(this.#release);
    this.element.style.minHeight = "";
  }

  #measure(): void {
    const isTall = this.#shown.some(({ view }) => {
      const content = view.element.firstElementChild;
      return content !== null && content.scrollHeight > TALL_PIXELS + 8 && content.tagName !== "IMG";
    });
    if (isTall && !this.#more.isConnected) this.element.append(this.#more);
    if (!isTall) this.#more.remove();
  }

  #toggle(): void {
    const isExpanded = this.element.classList.toggle("is-expanded");
    this.#more.textContent = isExpanded ? "Show less" : "Show all";
    this.#more.setAttribute("aria-expanded", String(isExpanded));
  }
}

function isSameOutput(before: unknown, output: unknown): boolean {
  return before === output || (typeof output !== "object" && Object.is(before, output));
}
