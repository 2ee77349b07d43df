import { expect, test } from "vitest";
import { goalOf } from "./goals.ts";

test.each([
  ["course/week 1/a.ipynb", "./img/plot.png", "course/week 1/img/plot.png"],
  ["course/week 1/a.ipynb", "../data.csv", "course/data.csv"],
  ["course/week 1/a.ipynb", "../../", ""],
  ["course/a.ipynb", "./b%20%23c.png", "course/b #c.png"],
  ["course/a.ipynb", "/img/logo.svg", "img/logo.svg"],
  ["a.ipynb", "./more/", "more/"],
])("in %s, %s is %s", (document, reference, path) => {
  expect(goalOf(document, reference)).toEqual({ path, hash: "" });
});

test.each(["../a.png", "./../a.png", "../../../etc/passwd", "/../a.png"])("%s leads out of the home", (reference) => {
  expect(goalOf("a.ipynb", reference)).toBeNull();
});

test("the place in the other document is kept as it is", () => {
  expect(goalOf("a.ipynb", "./b.ipynb#Part%2D2")).toEqual({ path: "b.ipynb", hash: "#Part%2D2" });
});
