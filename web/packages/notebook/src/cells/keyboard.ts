import type { NotebookView } from "./notebook.ts";

/** Keys of command mode: a cell is selected, and nothing is being written. */

const DOUBLE_MS = 800;

type Command = (notebook: NotebookView, id: string) => void;

const COMMANDS: Record<string, Command> = {
  Enter: (notebook) => notebook.selected?.edit("end"),
  ArrowUp: (notebook) => notebook.step(-1),
  k: (notebook) => notebook.step(-1),
  ArrowDown: (notebook) => notebook.step(1),
  j: (notebook) => notebook.step(1),
  a: (notebook, id) => notebook.insert(id, "above", "code"),
  b: (notebook, id) => notebook.insert(id, "below", "code"),
  m: (notebook, id) => notebook.changeType(id, "markdown"),
  y: (notebook, id) => notebook.changeType(id, "code"),
  z: (notebook) => notebook.undo(),
  "Shift+Enter": (notebook, id) => notebook.run(id, "advance"),
  "Ctrl+Enter": (notebook, id) => notebook.run(id, "stay"),
  "Meta+Enter": (notebook, id) => notebook.run(id, "stay"),
  "Alt+Enter": (notebook, id) => notebook.run(id, "insert"),
};

export function commandKeys(notebook: NotebookView): (event: KeyboardEvent) => void {
  let lastD = 0;
  return (event) => {
    const target = event.target;
    if (event.defaultPrevented || !(target instanceof HTMLElement) || isWriting(target)) return;
    const view = notebook.selected;
    if (view === null) return;
    const now = performance.now();
    if (event.key === "d" && !hasModifier(event)) {
      if (now - lastD < DOUBLE_MS) notebook.remove(view.id);
      lastD = now - lastD < DOUBLE_MS ? 0 : now;
      event.preventDefault();
      return;
    }
    const command = COMMANDS[nameOf(event)];
    if (command === undefined || (isControl(target) && !hasModifier(event))) return;
    event.preventDefault();
    command(notebook, view.id);
  };
}

function nameOf(event: KeyboardEvent): string {
  const modifiers = [
    event.ctrlKey && "Ctrl",
    event.metaKey && "Meta",
    event.altKey && "Alt",
    event.shiftKey && "Shift",
  ];
  return [...modifiers.filter(Boolean), event.key].join("+");
}

function hasModifier(event: KeyboardEvent): boolean {
  return event.ctrlKey || event.metaKey || event.altKey || event.shiftKey;
}

function isWriting(target: HTMLElement): boolean {
  return target.isContentEditable || target.closest(".cm-editor, input, textarea, select, dialog") !== null;
}

function isControl(target: HTMLElement): boolean {
  return target.closest("button, a, summary") !== null;
}
