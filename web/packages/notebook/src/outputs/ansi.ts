import { escapeHtml } from "./text.ts";

/**
 * Terminal text to HTML: colours, carriage returns, backspaces, cursor up and erase in line.
 *
 * `src/studiolo/web/render/ansi.py` says how and does the same; `golden/ansi.json` holds the two together.
 */

const TOKEN =
  /\x1b\[([0-9;:?<=>]*)[ -/]*([@-~])|(\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[()][0-9A-Za-z]?|\x1b[^[\]()]?)|([\n\r\x08])|([^\x1b\n\r\x08]+)/gsu;
const UNFINISHED = /\x1b(?:\[[0-9;:?<=> -/]{0,61}|\][^\x07\x1b]{0,2000}|[()])?$/;
const CONTROL = /[\x00-\x07\x0b\x0c\x0e-\x1f\x7f]/g;
const FLAGS = new Map([
  [1, "bold"],
  [2, "dim"],
  [3, "italic"],
  [4, "underline"],
  [7, "inverse"],
  [9, "strike"],
]);
const FLAGS_OFF: Record<number, string[]> = {
  22: ["bold", "dim"],
  23: ["italic"],
  24: ["underline"],
  27: ["inverse"],
  29: ["strike"],
};
const LEVELS = [0, 95, 135, 175, 215, 255];
const MAX_RUNS_CHANGED = 64; // pieces of different style in a line that is changed before its end

interface Run {
  attributes: string;
  text: string;
}

export function ansiToHtml(text: string): string {
  const terminal = new Terminal();
  terminal.write(text);
  return terminal.html(0, terminal.lineCount);
}

/** Lines of styled text with a cursor; text may come in pieces. */
export class Terminal {
  #lines: Run[][] = [[]];
  #lengths = [0];
  #row = 0;
  #column = 0;
  readonly #style = new Style();
  #attributes = "";
  #incomplete = "";

  get lineCount(): number {
    return this.#lines.length;
  }

  /** Write a piece of text; returns the first line that it may have changed. */
  write(piece: string): number {
    let first = this.#row;
    let text = this.#incomplete + piece;
    const cut = UNFINISHED.exec(text); // the next piece may complete it
    this.#incomplete = cut?.[0] ?? "";
    if (this.#incomplete) text = text.slice(0, -this.#incomplete.length);
    for (const [, args, final, , move, plain] of text.matchAll(TOKEN)) {
      if (plain !== undefined) this.#put(plain.replace(CONTROL, ""));
      else if (move !== undefined) this.#move(move);
      else if (final !== undefined) this.#control(args ?? "", final);
      if (this.#row < first) first = this.#row;
    }
    return first;
  }

  /** The HTML of some lines. */
  html(from: number, to: number): string {
    return this.#lines
      .slice(from, to)
      .map((line) => line.map(span).join(""))
      .join("\n");
  }

  #move(control: string): void {
    if (control === "\b") {
      this.#column = Math.max(0, this.#column - 1);
      return;
    }
    this.#column = 0;
    if (control === "\r") return;
    this.#row++;
    if (this.#row === this.#lines.length) {
      this.#lines.push([]);
      this.#lengths.push(0);
    }
  }

  #control(args: string, final: string): void {
    if (final === "m") {
      this.#style.apply(args);
      this.#attributes = this.#style.attributes();
    } else if (final === "K") {
      this.#erase(args);
    } else if (final === "A") {
      this.#row = Math.max(0, this.#row - (/^\d{1,5}$/.test(args) ? Number(args) : 1));
    }
  }

  #erase(args: string): void {
    const kept = args === "2" ? 0 : Math.min(this.#column, this.#lengths[this.#row] ?? 0);
    if (args !== "" && args !== "0" && args !== "2") return;
    this.#lines[this.#row] = slice(simplified(this.#lines[this.#row] ?? []), 0, kept);
    this.#lengths[this.#row] = kept;
  }

  #put(text: string): void {
    if (text === "") return;
    let line = this.#lines[this.#row] ?? [];
    let length = this.#lengths[this.#row] ?? 0;
    if (this.#column > length) {
      append(line, { attributes: "", text: " ".repeat(this.#column - length) });
      length = this.#column;
    }
    const end = this.#column + countOf(text);
    let rest: Run[] = [];
    if (this.#column < length) {
      line = simplified(line);
      rest = slice(line, end, length);
      line = slice(line, 0, this.#column);
    }
    append(line, { attributes: this.#attributes, text });
    for (const run of rest) append(line, run);
    this.#lines[this.#row] = line;
    this.#lengths[this.#row] = Math.max(length, end);
    this.#column = end;
  }
}

class Style {
  readonly #flags = new Set<string>();
  readonly #colours = new Map<string, string>();

  apply(args: string): void {
    const codes = args.split(/[;:]/).map((code) => (/^\d{1,5}$/.test(code) ? Number(code) : 0));
    for (let code = codes.shift(); code !== undefined; code = codes.shift()) {
      if (code === 38 || code === 48) {
        const colour = extended(codes);
        if (colour !== null) this.#colours.set(code === 38 ? "fg" : "bg", colour);
      } else {
        this.#applyOne(code);
      }
    }
  }

  attributes(): string {
    const classes: string[] = [];
    let data = "";
    for (const ground of ["fg", "bg"]) {
      const colour = this.#colours.get(ground) ?? "";
      if (colour.startsWith("#")) data += ` data-${ground}="${colour}"`;
      else if (colour) classes.push(`ansi-${ground}-${colour}`);
    }
    for (const flag of FLAGS.values()) if (this.#flags.has(flag)) classes.push(`ansi-${flag}`);
    return (classes.length > 0 ? ` class="${classes.join(" ")}"` : "") + data;
  }

  #applyOne(code: number): void {
    const flag = FLAGS.get(code);
    if (flag !== undefined) {
      this.#flags.add(flag);
    } else if (code === 0) {
      this.#flags.clear();
      this.#colours.clear();
    } else if (code === 39 || code === 49) {
      this.#colours.delete(code === 39 ? "fg" : "bg");
    } else if (FLAGS_OFF[code]) {
      for (const name of FLAGS_OFF[code]) this.#flags.delete(name);
    } else {
      this.#applyPalette(code);
    }
  }

  #applyPalette(code: number): void {
    if (code >= 30 && code < 38) this.#colours.set("fg", String(code - 30));
    else if (code >= 40 && code < 48) this.#colours.set("bg", String(code - 40));
    else if (code >= 90 && code < 98) this.#colours.set("fg", String(code - 82));
    else if (code >= 100 && code < 108) this.#colours.set("bg", String(code - 92));
  }
}

/** Take the rest of `38;5;N` or `38;2;R;G;B` off the codes. */
function extended(codes: number[]): string | null {
  const kind = codes.shift() ?? 0;
  if (kind === 5) {
    const index = codes.shift();
    return index === undefined ? null : indexed(Math.min(255, index));
  }
  if (kind !== 2) return null;
  const parts = codes.splice(0, 3);
  return parts.length === 3 ? hex(...parts.map((part) => Math.min(255, part))) : null;
}

function indexed(index: number): string {
  if (index < 16) return String(index);
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return hex(grey, grey, grey);
  }
  const rest = index - 16;
  const level = (place: number): number => LEVELS[place] ?? 0;
  return hex(level(Math.floor(rest / 36)), level(Math.floor(rest / 6) % 6), level(rest % 6));
}

function hex(...parts: number[]): string {
  return `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

function append(line: Run[], run: Run): void {
  const last = line.at(-1);
  if (last && last.attributes === run.attributes) line[line.length - 1] = { ...last, text: last.text + run.text };
  else line.push(run);
}

/** A line of very many colours loses them when it is written over: a hostile one would hold up the tab else. */
function simplified(line: Run[]): Run[] {
  return line.length <= MAX_RUNS_CHANGED ? line : [{ attributes: "", text: line.map((run) => run.text).join("") }];
}

function slice(line: Run[], start: number, end: number): Run[] {
  const found: Run[] = [];
  let at = 0;
  for (const { attributes, text } of line) {
    const characters = hasSurrogates(text) ? Array.from(text) : text;
    const from = Math.max(0, start - at);
    const to = Math.max(0, end - at);
    const piece = typeof characters === "string" ? characters.slice(from, to) : characters.slice(from, to).join("");
    at += characters.length;
    if (piece) found.push({ attributes, text: piece });
  }
  return found;
}

function hasSurrogates(text: string): boolean {
  return /[\ud800-\udfff]/.test(text);
}

function countOf(text: string): number {
  return hasSurrogates(text) ? Array.from(text).length : text.length;
}

function span({ attributes, text }: Run): string {
  return attributes ? `<span${attributes}>${escapeHtml(text)}</span>` : escapeHtml(text);
}
