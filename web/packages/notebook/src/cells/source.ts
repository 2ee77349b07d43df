import type { KeyBinding } from "@codemirror/view";
import type * as Y from "yjs";
import type { Shared } from "../document/shared.ts";
import type { Editor, Leave, Place } from "../editor/editor.ts";
import { loadEditor } from "../editor/load.ts";
import { el } from "./dom.ts";

/** A shared text on the page: still until somebody works in it, then an editor. */

export interface SourceOptions {
  language: string;
  label: string;
  placeholder?: string;
  keys: KeyBinding[];
  onLeave?(direction: Leave): boolean;
  onFocus?(hasFocus: boolean): void;
}

export class SourceView {
  readonly element: HTMLElement;
  readonly #shared: Shared;
  readonly #options: SourceOptions;
  #text: Y.Text | null = null;
  #still: HTMLElement | null = null;
  #editor: Editor | null = null;
  #mounting: Promise<Editor | null> | null = null;
  readonly #unsubscribe: () => void;

  /** `element` may hold the server-rendered text; it is kept when it is the same. */
  constructor(shared: Shared, element: HTMLElement, options: SourceOptions) {
    this.#shared = shared;
    this.#options = options;
    this.element = element;
    this.#still = element.querySelector<HTMLElement>(":scope > pre.code");
    this.#unsubscribe = shared.session.state.subscribe((state, before) => {
      if (state.canWrite !== before.canWrite) this.#editor?.setReadOnly(!state.canWrite);
    });
  }

  get hasFocus(): boolean {
    return this.#editor?.hasFocus ?? false;
  }

  get isMounted(): boolean {
    return this.#editor !== null;
  }

  bind(text: Y.Text, _cell?: unknown): void {
    if (text === this.#text) return;
    const isFocused = this.hasFocus;
    this.#text?.unobserve(this.#draw);
    this.#text = text;
    text.observe(this.#draw);
    if (this.#editor !== null || this.#mounting !== null) {
      this.#unmount();
      void this.edit(isFocused ? "end" : undefined);
    } else {
      this.#draw();
    }
  }

  /** Make it editable; with a place, put the caret there. */
  async edit(place?: Place): Promise<void> {
    this.#mounting ??= this.#mount();
    const editor = await this.#mounting;
    if (place === undefined || editor === null) return;
    editor.focus(place);
    editor.insert(this.#shared.boot.takeTyped());
  }

  /** Colour the still text as an editor would; worth doing only once the editor is there anyway. */
  async paint(): Promise<void> {
    const text = this.#text?.toString();
    if (this.#still === null || text === undefined || this.#options.language === "") return;
    const { paintCode } = await loadEditor();
    if (this.#still !== null) await paintCode(this.#still, text, this.#options.language);
  }

  destroy(): void {
    this.#unsubscribe();
    this.#text?.unobserve(this.#draw);
    this.#unmount();
  }

  async #mount(): Promise<Editor | null> {
    const { boot, session } = this.#shared;
    try {
      const { mountEditor } = await loadEditor();
      if (this.#text === null) return null;
      const editor = mountEditor({
        ...this.#options,
        parent: this.element,
        text: this.#text,
        awareness: session.awareness,
        nonce: boot.config.nonce,
        isReadOnly: !session.state.value.canWrite,
      });
      this.#still = null;
      this.#editor = editor;
      return editor;
    } catch (error) {
      this.#mounting = null;
      console.error("studiolo: the editor could not be loaded", error);
      const retry = { label: "Try again", run: () => void this.edit("end") };
      this.#shared.notify("error", "The editor could not be loaded.", retry);
      return null;
    }
  }

  #unmount(): void {
    this.#editor?.destroy();
    this.#editor = null;
    this.#mounting = null;
  }

  #draw = (): void => {
    if (this.#editor !== null || this.#text === null) return;
    const text = this.#text.toString();
    if (this.#still === null) {
      this.#still = el("pre", "code");
      this.element.replaceChildren(this.#still);
    }
    if (this.#still.textContent === text) return;
    this.#still.textContent = text;
    if (this.#options.language !== "" && editorIsThere) void this.paint();
  };
}

let editorIsThere = false;

/** Fetch the editor while nothing else is to do, so that the first click finds it. */
export async function prepareEditor(): Promise<boolean> {
  try {
    await loadEditor();
    editorIsThere = true;
  } catch {
    return false;
  }
  return true;
}
