import { el } from "../cells/dom.ts";

/** A question that running code asks by `input()`. */
export class InputView {
  readonly element: HTMLFormElement;

  /** `takesFocus`: its reader asked for it here. It never takes the focus from the page around us. */
  constructor(prompt: string, isPassword: boolean, takesFocus: boolean, onReply: (value: string) => void) {
    const field = el("input", "");
    field.type = isPassword ? "password" : "text";
    field.autocomplete = "off";
    field.spellcheck = false;
    const label = el("label", "", el("span", "", prompt || "Input"), field);
    const send = el("button", "primary", "Send");
    this.element = el("form", "input-request", label, send);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      field.disabled = send.disabled = true;
      onReply(field.value);
    });
    this.element.addEventListener("keydown", (event) => event.stopPropagation());
    if (takesFocus && document.hasFocus()) requestAnimationFrame(() => field.focus({ preventScroll: false }));
  }

  destroy(): void {
    this.element.remove();
  }
}
