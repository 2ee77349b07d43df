import type { CellType } from "../document/cells.ts";
import type { Shared } from "../document/shared.ts";
import type { Leave } from "../editor/editor.ts";

/** What a cell asks of the notebook around it. */
export interface CellHost {
  readonly shared: Shared;
  select(id: string): void;
  /** Run a cell, or render it, and then stay, go on to the next one, or make one below. */
  run(id: string, then: "stay" | "advance" | "insert"): void;
  leave(id: string, direction: Leave): boolean;
  insert(id: string, where: "above" | "below", type: CellType): void;
  remove(id: string): void;
  move(id: string, by: -1 | 1): void;
  changeType(id: string, type: CellType): void;
}
