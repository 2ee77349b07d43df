/** Where a reference that the server left in the page leads; `src/studiolo/web/render/references.py` says its form. */

export interface Goal {
  /** Relative to the home. */
  path: string;
  /** With its `#`, encoded; empty for the file as such. */
  hash: string;
}

/** Return the file that a document means, or null for what would be outside of the home. */
export function goalOf(documentPath: string, reference: string): Goal | null {
  const [file = "", ...rest] = reference.split("#");
  const given = decodeURIComponent(file);
  const parts = given.startsWith("/") ? [] : documentPath.split("/").slice(0, -1);
  for (const part of given.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) return null;
    } else if (part !== "" && part !== ".") {
      parts.push(part);
    }
  }
  const slash = given.endsWith("/") && parts.length > 0 ? "/" : "";
  return { path: parts.join("/") + slash, hash: rest.length > 0 ? `#${rest.join("#")}` : "" };
}
