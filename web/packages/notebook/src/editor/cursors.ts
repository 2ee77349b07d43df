import { Annotation, type Extension, type Range } from "@codemirror/state";
import {
  Decoration,
  type DecorationSet,
  type EditorView,
  ViewPlugin,
  type ViewUpdate,
  WidgetType,
} from "@codemirror/view";
import type { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import { COLOURS } from "./colours.ts";

/**
 * Where the others are in this text: a caret with a name, and their selection.
 *
 * Colours are classes, not style attributes, which the page's policy refuses.
 */

export function remoteCursors(text: Y.Text, awareness: Awareness): Extension {
  return [
    ViewPlugin.define((view) => new RemoteCursors(view, text, awareness), {
      decorations: (plugin) => plugin.decorations,
    }),
  ];
}

const changed = Annotation.define<true>();

class RemoteCursors {
  decorations: DecorationSet = Decoration.none;
  readonly #view: EditorView;
  readonly #text: Y.Text;
  readonly #awareness: Awareness;

  constructor(view: EditorView, text: Y.Text, awareness: Awareness) {
    this.#view = view;
    this.#text = text;
    this.#awareness = awareness;
    this.decorations = this.#draw(view.state.doc.length);
    awareness.on("change", this.#onChange);
  }

  destroy(): void {
    this.#awareness.off("change", this.#onChange);
    if (this.#isHere()) this.#awareness.setLocalStateField("cursor", null);
  }

  update(update: ViewUpdate): void {
    if (update.selectionSet || update.focusChanged || update.docChanged) this.#tell(update);
    const isAsked = update.transactions.some((transaction) => transaction.annotation(changed));
    if (isAsked) this.decorations = this.#draw(update.state.doc.length);
    else if (update.docChanged) this.decorations = this.decorations.map(update.changes);
  }

  #onChange = ({ added, updated, removed }: { added: number[]; updated: number[]; removed: number[] }): void => {
    const others = [...added, ...updated, ...removed].some((id) => id !== this.#awareness.clientID);
    // not now: the change may come in the middle of an update of the view
    if (others) queueMicrotask(() => this.#view.dispatch({ annotations: changed.of(true) }));
  };

  #tell(update: ViewUpdate): void {
    const view = update.view;
    const { anchor, head } = view.state.selection.main;
    if (view.hasFocus) {
      const cursor = {
        anchor: Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(this.#text, anchor)),
        head: Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(this.#text, head)),
      };
      if (JSON.stringify(cursor) !== JSON.stringify(this.#ownCursor())) {
        queueMicrotask(() => this.#awareness.setLocalStateField("cursor", cursor));
      }
    } else if (update.focusChanged) {
      queueMicrotask(() => {
        if (!view.hasFocus && this.#isHere()) this.#awareness.setLocalStateField("cursor", null);
      });
    }
  }

  #isHere(): boolean {
    return this.#index(this.#awareness.getLocalState()?.cursor?.head) !== null;
  }

  #ownCursor(): unknown {
    return this.#awareness.getLocalState()?.cursor ?? null;
  }

  #draw(length: number): DecorationSet {
    const found: Range<Decoration>[] = [];
    for (const [id, state] of this.#awareness.getStates()) {
      if (id === this.#awareness.clientID) continue;
      const anchor = this.#index(state.cursor?.anchor);
      const head = this.#index(state.cursor?.head);
      if (anchor === null || head === null || Math.max(anchor, head) > length) continue;
      const name: unknown = state.user?.name;
      const colour = `peer-${id % COLOURS}`;
      if (anchor !== head) {
        const mark = Decoration.mark({ class: `peer-selection ${colour}` });
        found.push(mark.range(Math.min(anchor, head), Math.max(anchor, head)));
      }
      const widget = new Caret(typeof name === "string" ? name.slice(0, 40) : "Somebody", colour, head);
      found.push(Decoration.widget({ widget, side: head > anchor ? -1 : 1 }).range(head));
    }
    return Decoration.set(found, true);
  }

  #index(position: unknown): number | null {
    if (typeof position !== "object" || position === null || this.#text.doc === null) return null;
    try {
      const relative = Y.createRelativePositionFromJSON(position);
      const absolute = Y.createAbsolutePositionFromRelativePosition(relative, this.#text.doc);
      return absolute?.type === this.#text ? absolute.index : null;
    } catch {
      return null; // other clients are not trusted to send positions
    }
  }
}

class Caret extends WidgetType {
  constructor(
    readonly name: string,
    readonly colour: string,
    readonly position: number,
  ) {
    super();
  }

  override eq(other: Caret): boolean {
    return other.name === this.name && other.colour === this.colour && other.position === this.position;
  }

  override toDOM(): HTMLElement {
    const caret = document.createElement("span");
    caret.className = `peer-caret ${this.colour}`;
    caret.setAttribute("aria-hidden", "true");
    const label = document.createElement("span");
    label.className = "peer-name";
    label.textContent = this.name;
    caret.append("\u2060", label, "\u2060");
    return caret;
  }

  override ignoreEvent(): boolean {
    return true;
  }
}
