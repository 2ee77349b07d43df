import * as Y from "yjs";

/** The shared data of a notebook, read with suspicion: other clients and files write it too. */

export type CellType = "code" | "markdown" | "raw";
export type CellMap = Y.Map<unknown>;
export type ExecutionState = "idle" | "queued" | "busy";

/** Marks changes of the cell list that a person here made, so that they can be undone. */
export const LOCAL = Symbol("local");

export function cellsOf(doc: Y.Doc): Y.Array<unknown> {
  return doc.getArray("cells");
}

export function cellList(doc: Y.Doc): CellMap[] {
  const seen = new Set<string>();
  return cellsOf(doc)
    .toArray()
    .filter((cell): cell is CellMap => cell instanceof Y.Map)
    .filter((cell) => {
      const id = idOf(cell);
      if (id === "" || seen.has(id)) return false; // two people moved the same cell: show it once
      seen.add(id);
      return true;
    });
}

export function idOf(cell: CellMap): string {
  const id = cell.get("id");
  return typeof id === "string" ? id : "";
}

export function typeOf(cell: CellMap): CellType {
  const type = cell.get("cell_type");
  return type === "code" || type === "markdown" ? type : "raw";
}

export function sourceOf(cell: CellMap): Y.Text {
  const source = cell.get("source");
  if (source instanceof Y.Text) return source;
  const made = new Y.Text(typeof source === "string" ? source : "");
  cell.set("source", made);
  return made;
}

export function outputsOf(cell: CellMap): Y.Array<unknown> | null {
  const outputs = cell.get("outputs");
  return outputs instanceof Y.Array ? outputs : null;
}

export function countOf(cell: CellMap): string {
  const count = cell.get("execution_count");
  return typeof count === "number" && Number.isInteger(count) && count >= 0 ? `[${count}]` : "[ ]";
}

export function executionStateOf(cell: CellMap): ExecutionState {
  const state = cell.get("execution_state");
  // older writers say "running"
  return state === "queued" ? "queued" : state === "busy" || state === "running" ? "busy" : "idle";
}

export function newCell(type: CellType, source = "", id = newId()): CellMap {
  const cell: CellMap = new Y.Map();
  cell.set("id", id);
  cell.set("cell_type", type);
  cell.set("source", new Y.Text(source));
  cell.set("metadata", new Y.Map());
  if (type === "code") {
    cell.set("outputs", new Y.Array());
    cell.set("execution_count", null);
    cell.set("execution_state", "idle");
  }
  return cell;
}

export function newId(): string {
  return crypto.randomUUID().slice(0, 8) + crypto.randomUUID().slice(0, 4);
}

export function insertCell(doc: Y.Doc, index: number, cell: CellMap): void {
  doc.transact(() => cellsOf(doc).insert(Math.min(index, cellsOf(doc).length), [cell]), LOCAL);
}

export function deleteCell(doc: Y.Doc, id: string): void {
  const index = indexOf(doc, id);
  if (index >= 0) doc.transact(() => cellsOf(doc).delete(index), LOCAL);
}

/** Move a cell by one place. Yjs has no move: the cell is made anew, with its id, before the old one goes. */
export function moveCell(doc: Y.Doc, id: string, by: -1 | 1): boolean {
  const index = indexOf(doc, id);
  const cell = cellsOf(doc).get(index);
  const target = index + by;
  if (index < 0 || target < 0 || target >= cellsOf(doc).length || !(cell instanceof Y.Map)) return false;
  doc.transact(() => {
    const copy = cell.clone();
    cellsOf(doc).delete(index);
    cellsOf(doc).insert(target, [copy]);
  }, LOCAL);
  return true;
}

export function changeType(doc: Y.Doc, id: string, type: CellType): boolean {
  const index = indexOf(doc, id);
  const cell = cellsOf(doc).get(index);
  if (index < 0 || !(cell instanceof Y.Map) || typeOf(cell) === type) return false;
  doc.transact(() => {
    const changed = newCell(type, sourceOf(cell).toString(), id); // a deleted cell has no text any more
    cellsOf(doc).delete(index);
    cellsOf(doc).insert(index, [changed]);
  }, LOCAL);
  return true;
}

export function indexOf(doc: Y.Doc, id: string): number {
  return cellsOf(doc)
    .toArray()
    .findIndex((cell) => cell instanceof Y.Map && cell.get("id") === id);
}
