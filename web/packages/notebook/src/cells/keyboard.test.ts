import { beforeEach, expect, test } from "vitest";
import { type Commanded, commandKeys } from "./keyboard.ts";

/** Cells that write down what they are told; the keys always go to the last one. */
class Cells implements Commanded {
  readonly ids = ["one", "two", "three"];
  readonly told: string[] = [];

  get selected() {
    const id = this.ids.at(-1);
    return id === undefined ? null : { id, edit: () => this.told.push("edit") };
  }

  step = (by: number) => void this.told.push(`step ${by}`);
  insert = (id: string, where: string) => void this.told.push(`insert ${where} ${id}`);
  changeType = (id: string, type: string) => void this.told.push(`${id} is ${type}`);
  run = (id: string, then: string) => void this.told.push(`run ${id}, ${then}`);
  undo = () => void this.told.push("undo");
  remove = (id: string) => void this.ids.splice(this.ids.indexOf(id), 1);
}

let cells: Cells;
let page: HTMLElement;

beforeEach(() => {
  cells = new Cells();
  page = document.createElement("div");
  page.addEventListener("keydown", commandKeys(cells));
});

function press(key: string, at: number, more: KeyboardEventInit = {}): void {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
  Object.defineProperty(event, "timeStamp", { value: at }); // milliseconds since the page was opened
  page.dispatchEvent(event);
}

test("two presses of d delete one cell, in a page as young as can be", () => {
  press("d", 100);
  expect(cells.ids).toEqual(["one", "two", "three"]);
  press("d", 200);
  expect(cells.ids).toEqual(["one", "two"]);
  press("d", 300);
  expect(cells.ids).toEqual(["one", "two"]);
});

test("d is forgotten after a while, after another key, and counts once while it is held", () => {
  press("d", 1000);
  press("d", 2000);
  press("ArrowUp", 2100);
  press("d", 2200);
  press("d", 2250, { repeat: true });
  expect(cells.ids).toEqual(["one", "two", "three"]);
  expect(cells.told).toEqual(["step -1"]);
});

test("a second d on another cell than the first deletes nothing", () => {
  press("d", 1000);
  cells.ids.pop();
  press("d", 1100);
  expect(cells.ids).toEqual(["one", "two"]);
});
