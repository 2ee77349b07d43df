import { Annotation, type ChangeSpec, type Extension } from "@codemirror/state";
import { type Command, EditorView, keymap, ViewPlugin, type ViewUpdate } from "@codemirror/view";
import * as Y from "yjs";

/** An editor and a shared text, each following the other; undo takes back only what was typed here. */

export function sharedText(text: Y.Text): Extension {
  const origin = Symbol("editor");
  const undo = new Y.UndoManager(text, { trackedOrigins: new Set([origin]) });
  const take =
    (what: "undo" | "redo"): Command =>
    (view) => {
      if (!view.state.readOnly) undo[what]();
      return true;
    };
  return [
    ViewPlugin.define((view) => new TextSync(view, text, origin, () => undo.destroy())),
    keymap.of([
      { key: "Mod-z", run: take("undo"), preventDefault: true },
      { key: "Mod-y", mac: "Mod-Shift-z", run: take("redo"), preventDefault: true },
      { key: "Mod-Shift-z", run: take("redo"), preventDefault: true },
    ]),
    EditorView.domEventHandlers({
      beforeinput(event, view) {
        if (event.inputType === "historyUndo") return take("undo")(view);
        return event.inputType === "historyRedo" && take("redo")(view);
      },
    }),
  ];
}

const fromShared = Annotation.define<true>();

class TextSync {
  readonly #view: EditorView;
  readonly #text: Y.Text;
  readonly #origin: symbol;
  readonly #onDestroy: () => void;

  constructor(view: EditorView, text: Y.Text, origin: symbol, onDestroy: () => void) {
    this.#view = view;
    this.#text = text;
    this.#origin = origin;
    this.#onDestroy = onDestroy;
    text.observe(this.#receive);
  }

  update(update: ViewUpdate): void {
    if (!update.docChanged || update.transactions[0]?.annotation(fromShared)) return;
    this.#text.doc?.transact(() => {
      let shift = 0;
      update.changes.iterChanges((from, to, _fromB, _toB, inserted) => {
        const insert = inserted.sliceString(0, inserted.length, "\n");
        if (to > from) this.#text.delete(from + shift, to - from);
        if (insert !== "") this.#text.insert(from + shift, insert);
        shift += insert.length - (to - from);
      });
    }, this.#origin);
  }

  destroy(): void {
    this.#text.unobserve(this.#receive);
    this.#onDestroy();
  }

  #receive = (event: Y.YTextEvent, transaction: Y.Transaction): void => {
    if (transaction.origin === this.#origin) return;
    const changes: ChangeSpec[] = [];
    let at = 0;
    for (const { insert, delete: removed, retain } of event.delta) {
      if (typeof insert === "string") changes.push({ from: at, insert });
      else if (removed !== undefined) changes.push({ from: at, to: (at += removed) });
      else at += retain ?? 0;
    }
    this.#view.dispatch({ changes, annotations: fromShared.of(true) });
  };
}
