// @vitest-environment node
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ansiToHtml, Terminal } from "./ansi.ts";
import { modelOf } from "./mime.ts";
import { signature, textOf } from "./text.ts";

/** Both renderers, this one and the server's, are held to the files in web/golden. */

function cases<T>(name: string): T[] {
  return JSON.parse(readFileSync(new URL(`../../../../golden/${name}`, import.meta.url), "utf8"));
}

describe("terminal text", () => {
  for (const { name, text, html } of cases<{ name: string; text: string; html: string }>("ansi.json")) {
    test(name, () => expect(ansiToHtml(text)).toBe(html));
    test(`${name}, in pieces of one character`, () => {
      const terminal = new Terminal();
      for (const piece of text) terminal.write(piece);
      expect(terminal.html(0, terminal.lineCount)).toBe(html);
    });
  }

  test("a write tells the first line that it changed", () => {
    const terminal = new Terminal();
    expect(terminal.write("a\nb\n")).toBe(0);
    expect(terminal.write("c\nd")).toBe(2);
    expect(terminal.write("\x1b[2Ax")).toBe(1);
  });
});

test.each(cases<{ value: unknown; text: string; signature: string }>("text.json"))("text of $value", (given) => {
  expect(textOf(given.value)).toBe(given.text);
  expect(signature(given.text)).toBe(given.signature);
});

test.each(cases<{ output: unknown; kind: string; name: string | null; signature: string }>("outputs.json"))(
  "output $output",
  ({ output, kind, name, signature: sig }) => {
    expect(modelOf(output)).toMatchObject({ kind, name, sig });
  },
);
