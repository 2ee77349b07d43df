import {
  copyLineDown,
  copyLineUp,
  deleteLine,
  indentLess,
  indentMore,
  insertTab,
  moveLineDown,
  moveLineUp,
  standardKeymap,
  toggleComment,
} from "@codemirror/commands";
import {
  bracketMatching,
  indentOnInput,
  indentUnit,
  type LanguageSupport,
  syntaxHighlighting,
} from "@codemirror/language";
import { Compartment, EditorState, type Extension, Prec } from "@codemirror/state";
import { EditorView, highlightSpecialChars, type KeyBinding, keymap, placeholder } from "@codemirror/view";
import { classHighlighter, highlightTree } from "@lezer/highlight";
import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";
import { brackets } from "./brackets.ts";
import { remoteCursors } from "./cursors.ts";
import { languageOf } from "./languages.ts";
import { sharedText } from "./sync.ts";

/** CodeMirror over a shared text. This module is its own file of the build and loads when it is first needed. */

export type Leave = "up" | "down";
export type Place = "start" | "end" | { x: number; y: number };

export interface EditorOptions {
  parent: HTMLElement;
  text: Y.Text;
  awareness: Awareness;
  language: string;
  label: string;
  nonce: string;
  isReadOnly: boolean;
  placeholder?: string;
  keys: KeyBinding[];
  onLeave?(direction: Leave): boolean;
  onFocus?(hasFocus: boolean): void;
}

export interface Editor {
  readonly hasFocus: boolean;
  focus(place?: Place): void;
  /** Put text where the caret is, as if it were typed. */
  insert(text: string): void;
  setReadOnly(isReadOnly: boolean): void;
  destroy(): void;
}

export function mountEditor(options: EditorOptions): Editor {
  const readOnly = new Compartment();
  const language = new Compartment();
  let isGone = false;
  const view = new EditorView({
    state: EditorState.create({
      doc: options.text.toString(),
      extensions: [
        // the shared text counts every line end as one character, whatever it is
        EditorState.lineSeparator.of("\n"),
        EditorView.cspNonce.of(options.nonce),
        readOnly.of(EditorState.readOnly.of(options.isReadOnly)),
        editing(options),
        appearance(options),
        language.of([]),
        sharedText(options.text),
        remoteCursors(options.text, options.awareness),
      ],
    }),
  });
  options.parent.replaceChildren(view.dom);
  void languageOf(options.language).then((support) => {
    if (support !== null && !isGone) view.dispatch({ effects: language.reconfigure(support) });
  });
  return {
    get hasFocus() {
      return view.hasFocus;
    },
    focus(place) {
      view.focus();
      if (place !== undefined) view.dispatch({ selection: { anchor: positionOf(view, place) }, scrollIntoView: true });
    },
    insert(text) {
      if (text === "" || view.state.readOnly) return;
      view.dispatch(view.state.replaceSelection(text), { userEvent: "input.type", scrollIntoView: true });
    },
    setReadOnly(isReadOnly) {
      view.dispatch({ effects: readOnly.reconfigure(EditorState.readOnly.of(isReadOnly)) });
    },
    destroy() {
      isGone = true;
      view.destroy();
    },
  };
}

function positionOf(view: EditorView, place: Place): number {
  if (place === "start") return 0;
  if (place === "end") return view.state.doc.length;
  return view.posAtCoords(place, false);
}

function editing(options: EditorOptions): Extension {
  const leave =
    (direction: Leave) =>
    (view: EditorView): boolean => {
      const { main } = view.state.selection;
      const line = view.state.doc.lineAt(main.head);
      const isAtEdge = direction === "up" ? line.number === 1 : line.number === view.state.doc.lines;
      return main.empty && isAtEdge && (options.onLeave?.(direction) ?? false);
    };
  return [
    Prec.highest(keymap.of(options.keys)),
    keymap.of([
      { key: "ArrowUp", run: leave("up") },
      { key: "ArrowDown", run: leave("down") },
      { key: "Tab", run: tab, shift: indentLess },
      ...MORE_KEYS,
      ...standardKeymap,
    ]),
    brackets,
    indentOnInput(),
    indentUnit.of("    "),
    EditorView.domEventHandlers({
      focus: () => options.onFocus?.(true),
      blur: () => options.onFocus?.(false),
    }),
  ];
}

// the rest of the package's default keys are rare, and a tenth of the editor's size
const MORE_KEYS: KeyBinding[] = [
  { key: "Alt-ArrowUp", run: moveLineUp },
  { key: "Alt-ArrowDown", run: moveLineDown },
  { key: "Shift-Alt-ArrowUp", run: copyLineUp },
  { key: "Shift-Alt-ArrowDown", run: copyLineDown },
  { key: "Shift-Mod-k", run: deleteLine },
  { key: "Mod-/", run: toggleComment },
  { key: "Mod-[", run: indentLess },
  { key: "Mod-]", run: indentMore },
];

function tab(view: EditorView): boolean {
  const { main } = view.state.selection;
  return main.empty ? insertSoftTab(view) : indentMore(view);
}

function insertSoftTab(view: EditorView): boolean {
  const unit = view.state.facet(indentUnit);
  if (view.state.readOnly) return insertTab(view);
  view.dispatch(view.state.replaceSelection(unit), { scrollIntoView: true, userEvent: "input" });
  return true;
}

function appearance(options: EditorOptions): Extension {
  // The browser draws caret and selection: a caret of ours blinks by an animation, with which every key asks for a frame,
  // and the answer from the network is put off until that is drawn.
  return [
    bracketMatching(),
    highlightSpecialChars(),
    syntaxHighlighting(classHighlighter),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ "aria-label": options.label, autocapitalize: "off", autocorrect: "off" }),
    options.placeholder ? placeholder(options.placeholder) : [],
  ];
}

const MAX_PAINTED = 50_000;

/** Colour code that is not being edited, so that it looks the same as in an editor. */
export async function paintCode(element: HTMLElement, text: string, language: string): Promise<void> {
  const support = text.length <= MAX_PAINTED ? await languageOf(language) : null;
  if (support === null || element.textContent !== text) return;
  element.replaceChildren(...coloured(text, support));
}

function coloured(text: string, support: LanguageSupport): Node[] {
  const nodes: Node[] = [];
  let at = 0;
  highlightTree(support.language.parser.parse(text), classHighlighter, (from, to, classes) => {
    if (from > at) nodes.push(document.createTextNode(text.slice(at, from)));
    const span = document.createElement("span");
    span.className = classes;
    span.textContent = text.slice(from, to);
    nodes.push(span);
    at = to;
  });
  nodes.push(document.createTextNode(text.slice(at)));
  return nodes;
}
