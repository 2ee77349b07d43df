/** Colours outside the palette: set through the CSSOM, since the page's policy refuses style attributes. */
export function paintColours(root: Element): void {
  for (const element of root.querySelectorAll<HTMLElement>("[data-fg],[data-bg]")) {
    if (element.dataset.fg) element.style.setProperty("--fg", element.dataset.fg);
    if (element.dataset.bg) element.style.setProperty("--ground", element.dataset.bg);
  }
}
