/** The place in a document that the address names: `#id=CELL`, `#line=NUMBER` in a text, or the name of a heading. */

/** Bring the place into view; nothing is focused, since the reader may be at work in the page around us. */
export function showFragment(article: HTMLElement, hash: string): void {
  const named = new URLSearchParams(hash.replace(/^#/, ""));
  const id = named.get("id");
  if (id === null && !named.has("line") && hash.length > 1) {
    void import("./around.ts").then((code) => code.showAnchor(article, hash));
  }
  if (id !== null) article.querySelector(`.cell[data-id="${CSS.escape(id)}"]`)?.scrollIntoView();
  const line = Number(named.get("line"));
  const code = article.querySelector<HTMLElement>(":scope > .source > .code");
  if (line > 1 && code !== null)
    scrollTo({ top: lineTop(code, line) - (article.querySelector(":scope > .toolbar")?.clientHeight ?? 0) });
}

/** Where a line begins on the page; lines are wrapped, so it is measured. */
function lineTop(code: HTMLElement, line: number): number {
  const walker = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
  let missing = line - 1;
  while (walker.nextNode()) {
    const text = walker.currentNode.nodeValue ?? "";
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
      if (--missing > 0) continue;
      const range = document.createRange();
      range.setStart(walker.currentNode, Math.min(at + 1, text.length));
      range.setEnd(walker.currentNode, Math.min(at + 2, text.length));
      return range.getBoundingClientRect().top + scrollY;
    }
  }
  return code.getBoundingClientRect().bottom + scrollY;
}
