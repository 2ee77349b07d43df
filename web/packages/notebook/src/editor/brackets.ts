import {
  type ChangeSpec,
  EditorSelection,
  type Extension,
  StateEffect,
  StateField,
  type Text,
} from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";

/**
 * Close brackets and quotes as they are opened, and step over those that closed themselves.
 *
 * Own code, since the editor's package for it brings all of its completion along (9 KiB).
 */

const PAIRS: Record<string, string> = { "(": ")", "[": "]", "{": "}", '"': '"', "'": "'" };
const MAY_FOLLOW = /^$|[\s)\]}:;,>]/;

const closed = StateEffect.define<number>({ map: (position, changes) => changes.mapPos(position, 1) });

/** Where closing characters stand that nobody typed. */
const closedHere = StateField.define<readonly number[]>({
  create: () => [],
  update(positions, transaction) {
    let next = transaction.docChanged
      ? positions
          .map((position) => transaction.changes.mapPos(position, 1))
          .filter((position) => position < transaction.newDoc.length)
      : positions;
    for (const effect of transaction.effects) if (effect.is(closed)) next = [...next.slice(-20), effect.value];
    return next;
  },
});

const input = EditorView.inputHandler.of((view, from, to, typed) => {
  if (view.composing || view.state.readOnly || typed.length !== 1 || view.state.selection.ranges.length > 1)
    return false;
  const doc = view.state.doc;
  const after = character(doc, to);
  if (from === to && after === typed && view.state.field(closedHere).includes(to)) {
    view.dispatch({ selection: { anchor: to + 1 }, userEvent: "input.type" });
    return true;
  }
  const closing = PAIRS[typed];
  if (closing === undefined) return false;
  if (from !== to) {
    const changes: ChangeSpec = [
      { from, insert: typed },
      { from: to, insert: closing },
    ];
    view.dispatch({ changes, selection: EditorSelection.range(from + 1, to + 1), userEvent: "input.type" });
    return true;
  }
  if (!MAY_FOLLOW.test(after) || (closing === typed && !mayOpenQuote(doc, from, typed))) return false;
  view.dispatch({
    changes: { from, insert: typed + closing },
    selection: { anchor: from + 1 },
    effects: closed.of(from + 1),
    userEvent: "input.type",
  });
  return true;
});

const backspace = keymap.of([
  {
    key: "Backspace",
    run(view) {
      const { main } = view.state.selection;
      const before = character(view.state.doc, main.head - 1);
      const isPair = main.empty && view.state.field(closedHere).includes(main.head);
      if (!isPair || view.state.readOnly || PAIRS[before] !== character(view.state.doc, main.head)) return false;
      view.dispatch({ changes: { from: main.head - 1, to: main.head + 1 }, userEvent: "delete.backward" });
      return true;
    },
  },
]);

export const brackets: Extension = [closedHere, input, backspace];

/** A quote opens a text unless it ends one, stands in a word, or follows another quote. */
function mayOpenQuote(doc: Text, position: number, quote: string): boolean {
  const line = doc.lineAt(position);
  const before = line.text.slice(0, position - line.from);
  const isInside = before.replaceAll(`\\${quote}`, "").split(quote).length % 2 === 0;
  return !isInside && !/["']$|\w$/.test(before.replace(/(^|\W)[fFrRbBuU]{1,2}$/, "$1"));
}

function character(doc: Text, position: number): string {
  return position < 0 ? "" : doc.sliceString(position, position + 1);
}
