import { el } from "../cells/dom.ts";

/** JSON as a tree that opens level by level; children are made when they are first looked at. */
export function jsonTree(value: unknown, name: string | null = null, isOpen = true): HTMLElement {
  const label = name === null ? [] : [el("span", "json-key", name), ": "];
  if (typeof value !== "object" || value === null) {
    const kind = value === null ? "null" : typeof value;
    return el("div", "json-leaf", ...label, el("span", `json-${kind}`, JSON.stringify(value) ?? "null"));
  }
  const entries = Object.entries(value);
  const size = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  const details = el("details", "json-node", el("summary", "", ...label, el("span", "muted", size)));
  const fill = (): void => {
    if (!details.hasAttribute("open") || details.childElementCount > 1) return;
    for (const [key, child] of entries.slice(0, MAX_CHILDREN)) details.append(jsonTree(child, key, false));
    const hidden = entries.length - MAX_CHILDREN;
    if (hidden > 0) details.append(el("div", "muted", `\u2026 ${hidden} more`));
  };
  details.addEventListener("toggle", fill);
  if (isOpen) details.setAttribute("open", "");
  fill();
  return details;
}

const MAX_CHILDREN = 200;
