/** Typeset the formulas of an element, if there are any; KaTeX loads with the first one. */
export async function typeset(root: Element): Promise<void> {
  const formulas = root.querySelectorAll<HTMLElement>(".math:not([data-typeset])");
  if (formulas.length === 0) return;
  const { renderFormula } = await import("./katex.ts");
  for (const formula of formulas) {
    if (formula.dataset.typeset !== undefined) continue;
    formula.dataset.typeset = "";
    renderFormula(formula);
  }
}
