import type { Shared } from "../document/shared.ts";
import { typeset } from "./math.ts";

/** Finish HTML that the server rendered: its pictures of files, and its formulas. */
export async function finish(shared: Shared, rich: Element): Promise<void> {
  shared.references.show(rich);
  await typeset(rich);
}
