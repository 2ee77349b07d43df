import { expect, test } from "vitest";
import * as Y from "yjs";
import {
  cellList,
  cellsOf,
  changeType,
  deleteCell,
  idOf,
  insertCell,
  LOCAL,
  moveCell,
  newCell,
  sourceOf,
  typeOf,
} from "./cells.ts";

function notebook(...ids: string[]): Y.Doc {
  const doc = new Y.Doc();
  for (const id of ids) insertCell(doc, cellsOf(doc).length, newCell("code", `source of ${id}`, id));
  return doc;
}

const ids = (doc: Y.Doc): string[] => cellList(doc).map(idOf);

test("a moved cell keeps its id and its text", () => {
  const doc = notebook("a", "b", "c");
  expect(moveCell(doc, "a", 1)).toBe(true);
  expect(ids(doc)).toEqual(["b", "a", "c"]);
  expect(moveCell(doc, "c", 1)).toBe(false);
  expect(moveCell(doc, "b", -1)).toBe(false);
  expect(cellList(doc).map((cell) => sourceOf(cell).toString())[1]).toBe("source of a");
});

test("a cell that two people moved at once is shown once", () => {
  const one = notebook("a", "b", "c");
  const two = new Y.Doc();
  Y.applyUpdate(two, Y.encodeStateAsUpdate(one));
  moveCell(one, "a", 1);
  moveCell(two, "a", 1);
  Y.applyUpdate(one, Y.encodeStateAsUpdate(two));
  Y.applyUpdate(two, Y.encodeStateAsUpdate(one));
  expect(ids(one)).toEqual(ids(two));
  expect(new Set(ids(one)).size).toBe(3);
});

test("changing the type keeps id and text, and only code has outputs", () => {
  const doc = notebook("a");
  expect(changeType(doc, "a", "markdown")).toBe(true);
  const [cell] = cellList(doc);
  expect(cell && typeOf(cell)).toBe("markdown");
  expect(cell?.has("outputs")).toBe(false);
  expect(changeType(doc, "a", "markdown")).toBe(false);
});

test("a deleted cell comes back by undo", () => {
  const doc = notebook("a", "b");
  const undo = new Y.UndoManager(cellsOf(doc), { trackedOrigins: new Set([LOCAL]) });
  deleteCell(doc, "a");
  expect(ids(doc)).toEqual(["b"]);
  undo.undo();
  expect(ids(doc)).toEqual(["a", "b"]);
});

test("what is no cell is not shown", () => {
  const doc = notebook("a");
  cellsOf(doc).push([5, "text", { id: "plain" }, new Y.Map()]);
  expect(ids(doc)).toEqual(["a"]);
});

test("a cell keeps its text when its type changes", () => {
  const doc = notebook("a", "b");
  expect(changeType(doc, "a", "markdown")).toBe(true);
  const changed = cellList(doc)[0];
  expect(changed && [idOf(changed), typeOf(changed), sourceOf(changed).toString()]).toEqual([
    "a",
    "markdown",
    "source of a",
  ]);
});
