import type * as editor from "./editor.ts";

let loading: Promise<typeof editor> | null = null;

/** Load the editor, once; a failed try is forgotten, so that the next one can succeed. */
export function loadEditor(): Promise<typeof editor> {
  loading ??= import("./editor.ts").catch((error: unknown) => {
    loading = null;
    throw error;
  });
  return loading;
}
