import { type OpenEvent, parseOpenEvent } from "@studiolo/protocol";
import { Failure } from "./boot.ts";

/** Ask `POST /frame/open` and read its answer, one JSON object a line, as it comes. */
export async function openStream(
  body: Record<string, string>,
  bearer: string | null,
  onEvent: (event: OpenEvent) => void,
): Promise<void> {
  const headers: Record<string, string> = { "Content-Type": "application/json", "X-Studiolo-Frame": "1" };
  if (bearer !== null) headers.Authorization = `Bearer ${bearer}`;
  let response: Response;
  try {
    response = await fetch("/frame/open", { method: "POST", headers, body: JSON.stringify(body), cache: "no-store" });
    if (!response.ok || response.body === null) throw await refusal(response);
    await readLines(response.body, onEvent);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure("unreachable", "The server cannot be reached.");
  }
}

async function readLines(body: ReadableStream<Uint8Array>, onEvent: (event: OpenEvent) => void): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let pending = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (value) pending += decoder.decode(value, { stream: true });
    const lines = pending.split("\n");
    pending = done ? "" : (lines.pop() ?? "");
    for (const line of lines) {
      const event = line.trim() === "" ? null : parseOpenEvent(JSON.parse(line));
      if (event?.event === "error") throw new Failure(event.code, event.message);
      if (event) onEvent(event);
    }
    if (done) return;
  }
}

async function refusal(response: Response): Promise<Failure> {
  const answer = parseOpenEvent({ event: "error", ...(await response.json().catch(() => ({}))) });
  const message = answer?.event === "error" ? answer.message : "";
  const code = answer?.event === "error" ? answer.code : "";
  return new Failure(code || `http_${response.status}`, message || "The server did not accept the request.");
}
