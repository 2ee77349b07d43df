import "katex/dist/katex.min.css";
import katex from "katex";

/** Typeset one formula in place. KaTeX builds nodes, so no HTML from the formula is ever parsed. */
export function renderFormula(element: HTMLElement): void {
  const tex = element.textContent ?? "";
  katex.render(tex, element, {
    displayMode: element.dataset.display === "block",
    throwOnError: false,
    strict: "ignore",
    trust: false,
    maxExpand: 500,
    maxSize: 50,
  });
}
