import { beforeEach, expect, test } from "vitest";
import { Disposables } from "../store/store.ts";
import { type Commanded, commandKeys, runKeys } from "./keyboard.ts";
import { Later } from "./later.ts";

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
  page.addEventListener("keydown", runKeys(cells), { capture: true });
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

test("the keys that run a cell are heard before its editor hears them, and not where a question is answered", () => {
  page.innerHTML = `<section class="cell" data-id="two"><div class="cm-editor"><b tabindex="0"></b></div><input></section>`;
  const heard: string[] = [];
  const editor = page.querySelector("b") as HTMLElement;
  const question = page.querySelector("input") as HTMLElement;
  editor.addEventListener("keydown", (event) => heard.push(event.key));
  const enter = (target: HTMLElement, modifier: KeyboardEventInit) =>
    target.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true, ...modifier }));
  enter(editor, { shiftKey: true });
  enter(editor, { ctrlKey: true });
  enter(editor, {});
  enter(question, { ctrlKey: true });
  enter(page, { altKey: true });
  expect(cells.told).toEqual(["run two, advance", "run two, stay", "run three, insert"]);
  expect(heard).toEqual(["Enter"]);
});

test("what is left for later is done before the next key, which goes where the focus then is", () => {
  document.body.append(page);
  page.innerHTML = "<i tabindex='0'></i><b tabindex='0'></b>";
  const [before, after] = [...page.children] as [HTMLElement, HTMLElement];
  const later = new Later(page, new Disposables());
  const heard: string[] = [];
  for (const one of [before, after])
    one.addEventListener("keydown", (event) => heard.push(`${one.tagName} ${event.key}`));
  before.focus();
  later.do(() => after.focus());
  expect(document.activeElement).toBe(before);
  before.dispatchEvent(new KeyboardEvent("keydown", { key: "x", bubbles: true, cancelable: true }));
  expect(document.activeElement).toBe(after);
  expect(heard).toEqual(["B x"]);
});

test("what is left for later is done by itself, once", async () => {
  const later = new Later(page, new Disposables());
  const done: number[] = [];
  later.do(() => done.push(1));
  later.do(() => done.push(2)); // the first is done at once
  expect(done).toEqual([1]);
  await expect.poll(() => done).toEqual([1, 2]);
  later.now();
  expect(done).toEqual([1, 2]);
});
