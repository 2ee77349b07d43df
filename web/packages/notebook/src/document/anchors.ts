/** Find what `#NAME` means: a heading or anchor, a cell's id, and last a heading by other tools' spelling of it. */
export function findAnchor(article: ParentNode, hash: string): Element | null {
  const name = decoded(hash.replace(/^#/, ""));
  if (name === "") return null;
  const anchors = [...article.querySelectorAll<HTMLElement>("[data-anchor]")];
  const cell = name.replace(/^(cell-)?id=/, "");
  return (
    anchors.find((one) => one.dataset.anchor === name) ??
    [...article.querySelectorAll<HTMLElement>(".cell")].find((one) => one.dataset.id === cell) ??
    anchors.find((one) => plain(one.dataset.anchor ?? "") === plain(name)) ??
    null
  );
}

/** GitHub and editors write names small and without signs. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}_]+/gu, "");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
