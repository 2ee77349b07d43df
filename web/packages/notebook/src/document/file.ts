import type * as Y from "yjs";
import type { Press } from "../boot/boot.ts";
import { el } from "../cells/dom.ts";
import { SourceView } from "../cells/source.ts";
import { fileLanguage } from "../editor/file_language.ts";
import { finish } from "../outputs/rich.ts";
import { Disposables } from "../store/store.ts";
import type { Toolbar } from "../toolbar/toolbar.ts";
import type { Shared } from "./shared.ts";

/** A markdown or text document: one editor over the whole height, markdown with a preview. */

const PREVIEW_MS = 300;

export class FileView {
  readonly #shared: Shared;
  readonly #source: SourceView;
  readonly #article: HTMLElement;
  readonly #preview = el("div", "preview rich");
  readonly #disposables = new Disposables();
  #text: Y.Text | null = null;
  #timer = 0;

  constructor(shared: Shared, article: HTMLElement, toolbar: Toolbar, path: string) {
    this.#shared = shared;
    this.#article = article;
    const element = article.querySelector<HTMLElement>(":scope > .source") ?? article.appendChild(el("div", "source"));
    const language = article.dataset.kind === "markdown" ? "markdown" : fileLanguage(path);
    this.#source = new SourceView(shared, element, { language, label: path, keys: [] });
    this.#disposables.listen(element, "click", this.#onClick);
    this.#preview.hidden = true;
    article.append(this.#preview);
    toolbar.addName(path.slice(path.lastIndexOf("/") + 1));
    if (article.dataset.kind === "markdown") {
      toolbar.addToggle("Preview", "eye", (isOn) => this.#setPreview(isOn));
    }
  }

  /** Called once the document is here. */
  refresh(): void {
    const text = this.#shared.session.doc.getText("source");
    this.#text = text;
    this.#source.bind(text);
    void this.#source.edit();
    text.observe(this.#onChange);
  }

  /** Go on from where the reader pressed before the editor was there. */
  edit(press: Press): void {
    if (this.#source.element.contains(press.target)) void this.#source.edit(press);
  }

  destroy(): void {
    clearTimeout(this.#timer);
    this.#text?.unobserve(this.#onChange);
    this.#disposables.destroy();
    this.#source.destroy();
    this.#preview.remove();
  }

  /** A press while the editor is on its way; an earlier one is replayed by `edit`. */
  #onClick = (event: MouseEvent): void => {
    if (this.#text === null || this.#source.isMounted || event.button !== 0) return;
    void this.#source.edit({ x: event.clientX, y: event.clientY });
  };

  #setPreview(isOn: boolean): void {
    this.#preview.hidden = !isOn;
    this.#article.classList.toggle("has-preview", isOn);
    if (isOn) void this.#render();
  }

  #onChange = (): void => {
    if (this.#preview.hidden) return;
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#render(), PREVIEW_MS);
  };

  async #render(): Promise<void> {
    const text = this.#shared.session.doc.getText("source").toString();
    const html = await this.#shared.renderer.render({ kind: "markdown", text });
    if (html === null) return;
    this.#shared.boot.setHtml(this.#preview, html);
    await finish(this.#shared, this.#preview);
  }
}
