import { button, el } from "../cells/dom.ts";

/** Short messages at the foot of the frame, read out by screen readers; each goes by itself or by its button. */

const SHOWN_MS = { info: 6000, warning: 12_000, error: 0 };

export class Notices {
  readonly #element = el("div", "notices");
  readonly #timers = new Set<number>();

  constructor(root: HTMLElement) {
    this.#element.setAttribute("role", "status");
    this.#element.setAttribute("aria-live", "polite");
    root.append(this.#element);
  }

  show(level: "info" | "warning" | "error", text: string, action?: { label: string; run(): void }): void {
    for (const old of this.#element.children) if (old.firstChild?.textContent === text) old.remove();
    const notice = el("div", `notice ${level}`, el("span", "", text));
    if (action) {
      const act = el("button", "", action.label);
      act.addEventListener("click", () => {
        notice.remove();
        action.run();
      });
      notice.append(act);
    }
    notice.append(button("Close", "close", () => notice.remove()));
    this.#element.append(notice);
    while (this.#element.childElementCount > 4) this.#element.firstElementChild?.remove();
    if (SHOWN_MS[level] === 0) return;
    const timer = window.setTimeout(() => {
      this.#timers.delete(timer);
      notice.remove();
    }, SHOWN_MS[level]);
    this.#timers.add(timer);
  }

  clear(): void {
    this.#element.replaceChildren();
  }

  destroy(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#element.remove();
  }
}
