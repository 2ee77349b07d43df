/** The keys of a notebook: those that run a cell, and those of command mode, when nothing is being written. */

const DOUBLE_MS = 800;

type Then = "stay" | "advance" | "insert";

const RUN_KEYS: Record<string, Then> = {
  "Shift+Enter": "advance",
  "Ctrl+Enter": "stay",
  "Meta+Enter": "stay",
  "Alt+Enter": "insert",
};

/** What the keys work on: a notebook's cells. */
export interface Commanded {
  readonly selected: { readonly id: string; edit(place: "end"): void } | null;
  step(by: -1 | 1): void;
  insert(id: string, where: "above" | "below", type: "code"): void;
  changeType(id: string, type: "code" | "markdown"): void;
  run(id: string, then: Then): void;
  remove(id: string): void;
  undo(): void;
}

type Command = (notebook: Commanded, id: string) => void;

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
  d: () => undefined, // the first of two
  dd: (notebook, id) => notebook.remove(id),
};

/**
 * Keys that run a cell, being written or not. To be heard before the editor hears them: it would ask for a frame, and
 * the browser would put off the answer from the network until that is drawn.
 */
export function runKeys(notebook: Commanded): (event: KeyboardEvent) => void {
  return (event) => {
    const then = RUN_KEYS[nameOf(event)];
    const target = event.target;
    if (then === undefined || event.isComposing || !(target instanceof HTMLElement)) return;
    const isInEditor = target.closest(".cm-editor") !== null;
    if (!isInEditor && isWriting(target)) return;
    const id = isInEditor ? target.closest<HTMLElement>(".cell")?.dataset.id : notebook.selected?.id;
    if (id === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    notebook.run(id, then);
  };
}

/** Keys of command mode: a cell is selected. */

export function commandKeys(notebook: Commanded): (event: KeyboardEvent) => void {
  const chordOf = doublePresses();
  return (event) => {
    const target = event.target;
    if (event.defaultPrevented || !(target instanceof HTMLElement) || isWriting(target)) return;
    const view = notebook.selected;
    if (view === null) return;
    const command = COMMANDS[chordOf(event, view.id)];
    if (command === undefined || (isControl(target) && !hasModifier(event))) return;
    event.preventDefault();
    command(notebook, view.id);
  };
}

/** Name a press; the second "d" on one cell soon after the first is "dd", and any other key comes between them. */
function doublePresses(): (event: KeyboardEvent, id: string) => string {
  let first: { id: string; at: number } | null = null;
  return (event, id) => {
    const name = nameOf(event);
    if (name === "d" && event.repeat) return name; // a key held down is no second press
    const isSecond = name === "d" && first?.id === id && event.timeStamp - first.at < DOUBLE_MS;
    first = name === "d" && !isSecond ? { id, at: event.timeStamp } : null;
    return isSecond ? "dd" : name;
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
