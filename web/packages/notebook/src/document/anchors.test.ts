// @vitest-environment jsdom
import { expect, test } from "vitest";
import { findAnchor } from "./anchors.ts";

const article = document.createElement("article");
article.innerHTML =
  '<section class="cell" data-id="cell-7"><h2 data-anchor="Große-Teile:-1">a</h2></section><h3 data-anchor="Part-2">b</h3>';

test.each([
  ["#Part-2", "b"],
  ["#Gro%C3%9Fe-Teile%3A-1", "a"],
  ["#große-teile-1", "a"],
  ["#cell-7", "a"],
  ["#cell-id=cell-7", "a"],
])("%s is found", (hash, text) => {
  expect(findAnchor(article, hash)?.textContent).toBe(text);
});

test.each(["", "#", "#%", "#none"])("%s is nothing", (hash) => {
  expect(findAnchor(article, hash)).toBeNull();
});
