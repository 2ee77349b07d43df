/** Text out of untrusted JSON, and its signature; `src/studiolo/web/render/text.py` does the same. */

/** A notebook's "multiline string", text or a list of pieces, as text; anything else is empty. */
export function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map((piece) => (typeof piece === "string" ? textOf(piece) : "")).join("");
  return typeof value === "string" ? value.replace(/\p{Surrogate}/gu, "\ufffd") : "";
}

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** The fingerprint (CRC-32 of UTF-8) that `data-sig` carries. */
export function signature(text: string): string {
  let crc = 0xffffffff;
  for (const byte of new TextEncoder().encode(text)) crc = (TABLE[(crc ^ byte) & 255] ?? 0) ^ (crc >>> 8);
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;" };

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}
