/** Small words for making elements. */

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

export function button(label: string, icon: Icon, onClick: () => void, className = ""): HTMLButtonElement {
  const made = el("button", `icon-button ${className}`.trim(), iconOf(icon));
  made.type = "button";
  made.title = label;
  made.setAttribute("aria-label", label.replace(/ \(.*\)$/, ""));
  made.addEventListener("click", onClick);
  // a button must not take the focus, and with it the keyboard's place, out of the editor
  made.addEventListener("mousedown", (event) => event.preventDefault());
  return made;
}

const PATHS = {
  run: "M5 3.5v9l7.5-4.5z",
  runAll: "M2.5 3.5v9l5.5-4.5zM8.5 3.5v9l5.5-4.5z",
  stop: "M4 4h8v8H4z",
  restart: "M12.6 6.2A5 5 0 1 0 13 9.2M13 3v3.6H9.4",
  plus: "M8 3.2v9.6M3.2 8h9.6",
  up: "M8 12.8V3.6M4 7.4 8 3.4l4 4",
  down: "M8 3.2v9.2M4 8.6l4 4 4-4",
  trash: "M3 4.5h10M6.2 4.5V3h3.6v1.5M4.4 4.5l.6 8.5h6l.6-8.5",
  text: "M3 3.8h10M8 3.8V13",
  code: "M5.6 4.6 2.2 8l3.4 3.4M10.4 4.6 13.8 8l-3.4 3.4",
  eye: "M1.6 8S4 3.8 8 3.8 14.4 8 14.4 8 12 12.2 8 12.2 1.6 8 1.6 8zM8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z",
  check: "M3.4 8.4l3 3 6.2-6.6",
  close: "M4 4l8 8M12 4l-8 8",
} as const;
export type Icon = keyof typeof PATHS;
const FILLED: readonly Icon[] = ["run", "runAll", "stop"];

export function iconOf(icon: Icon): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", FILLED.includes(icon) ? "icon filled" : "icon");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[icon]);
  svg.append(path);
  return svg;
}

/** Ask a yes-or-no question in the page itself: browsers refuse `confirm()` in a frame of another site. */
export function confirmDialog(title: string, text: string, action: string): Promise<boolean> {
  return new Promise((resolve) => {
    const dialog = el("dialog", "dialog");
    const cancel = el("button", "", "Cancel");
    const confirm = el("button", "primary", action);
    cancel.addEventListener("click", () => dialog.close());
    confirm.addEventListener("click", () => dialog.close("yes"));
    dialog.append(el("h2", "", title), el("p", "", text), el("div", "dialog-actions", cancel, confirm));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
    confirm.focus();
  });
}
