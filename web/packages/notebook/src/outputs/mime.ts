import * as Y from "yjs";
import { signature, textOf } from "./text.ts";

/** What an output shows; the same choice as `src/studiolo/web/render/outputs.py`. */

export type OutputKind = "stream" | "error" | "html" | "markdown" | "latex" | "image" | "json" | "text" | "frame";

export interface OutputModel {
  kind: OutputKind;
  text: string;
  mime: string;
  name: string | null;
  /** Of what the server rendered for the same output; empty when it leaves that to us. */
  sig: string;
  json?: unknown;
  width?: number;
  height?: number;
}

export const MIME_ORDER = [
  "text/html",
  "text/markdown",
  "text/latex",
  "image/svg+xml",
  "image/png",
  "image/jpeg",
  "image/gif",
  "image/webp",
  "application/javascript",
  "application/json",
  "text/plain",
] as const;

const RUNS = /<\s*(script|iframe|object|embed|form|video|audio|canvas)\b/i;

type Json = Record<string, unknown>;

export function modelOf(output: unknown): OutputModel {
  const given = plain(output);
  switch (given.output_type) {
    case "stream": {
      const text = textOf(given.text instanceof Y.Text ? given.text.toString() : given.text);
      return made("stream", text, { name: given.name === "stderr" ? "stderr" : "stdout" });
    }
    case "error":
      return made("error", errorText(given));
    case "display_data":
    case "execute_result":
      return display(given);
    default:
      return note("An output of an unknown kind.");
  }
}

export function plain(value: unknown): Json {
  const given: unknown = value instanceof Y.Map ? value.toJSON() : value;
  return typeof given === "object" && given !== null && !Array.isArray(given) ? { ...given } : {};
}

function made(kind: OutputKind, text: string, more: Partial<OutputModel> = {}): OutputModel {
  return { kind, text, mime: "", name: null, sig: signature(text), ...more };
}

function note(text: string): OutputModel {
  return { kind: "text", text, mime: "note", name: null, sig: "" };
}

function errorText(given: Json): string {
  const lines = Array.isArray(given.traceback) ? given.traceback.map(textOf).join("\n") : "";
  return lines || `${textOf(given.ename)}: ${textOf(given.evalue)}`;
}

function display(given: Json): OutputModel {
  const data = plain(given.data);
  const mime = MIME_ORDER.find((candidate) => Object.hasOwn(data, candidate));
  if (mime === undefined) {
    const names = Object.keys(data).sort().slice(0, 5).join(", ").slice(0, 200);
    return note(`No viewer for this output (${names}).`);
  }
  if (mime === "application/json") return { ...made("json", ""), json: data[mime], sig: "" };
  const text = textOf(data[mime]);
  if (mime.startsWith("image/")) return made("image", text, { mime, ...sizeOf(plain(plain(given.metadata)[mime])) });
  if (mime === "application/javascript" || (mime === "text/html" && RUNS.test(text))) {
    const html = mime === "text/html" ? text : `<script>${text.replaceAll("</script", "<\\/script")}</script>`;
    return { kind: "frame", text: html, mime, name: null, sig: "" };
  }
  if (mime === "text/plain") return made("text", text);
  const kinds = { "text/html": "html", "text/markdown": "markdown", "text/latex": "latex" } as const;
  return made(kinds[mime as keyof typeof kinds] ?? "text", text, { mime });
}

function sizeOf(metadata: Json): { width?: number; height?: number } {
  const { width, height } = metadata;
  const isSize = (value: unknown): value is number => typeof value === "number" && value > 0 && value < 20_000;
  return isSize(width) && isSize(height) ? { width, height } : {};
}
