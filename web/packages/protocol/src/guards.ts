import type { Action, FrameMessage, HostRequest, MessageId } from "./messages.ts";

/** Proof that unknown data is one of our messages. Nothing else in the product casts. */

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function isUuid(value: unknown): value is string {
  return typeof value === "string" && UUID.test(value);
}

const ACTIONS: Record<Action, true> = {
  open: true,
  closeall: true,
  status: true,
  subscribe: true,
  save: true,
  run: true,
  theme: true,
};

export type Parsed = { request: HostRequest } | { refusal: string; id?: MessageId };

/** Read what a host page sent; a refusal carries the words that the contract promises. */
export function parseRequest(data: unknown): Parsed {
  if (data === null || data === undefined) return { refusal: 'There is no payload "data"' };
  if (typeof data !== "object") return { refusal: 'The payload "data" must be an object' };
  const given: JsonObject = { ...data };
  const id = typeof given.id === "string" || typeof given.id === "number" ? { id: given.id } : {};
  const refuse = (refusal: string): Parsed => ({ refusal, ...id });
  const action = given.action;
  if (typeof action !== "string" || !Object.hasOwn(ACTIONS, action)) {
    return refuse(`Unknown action '${shown(action)}'`);
  }
  if (action === "open") {
    if (!isUuid(given.project_id)) return refuse(`invalid project_id='${shown(given.project_id)}'`);
    if (typeof given.path !== "string") return refuse("invalid path, it must be a string");
    return { request: { action, project_id: given.project_id, path: given.path, ...id } };
  }
  if (action === "theme") {
    const theme = given.theme;
    if (theme !== "light" && theme !== "dark" && theme !== "system") {
      return refuse("invalid theme, it must be light, dark or system");
    }
    return { request: { action, theme, ...id } };
  }
  return { request: { action: action as Exclude<Action, "open" | "theme">, ...id } };
}

function shown(value: unknown): string {
  try {
    return String(value).slice(0, 200);
  } catch {
    return typeof value;
  }
}

/** Tell whether data that arrived at a host page is a message of our frame. */
export function isFrameMessage(data: unknown): data is FrameMessage {
  if (!isObject(data)) return false;
  switch (data.status) {
    case "ack":
    case "done":
      return true;
    case "error":
      return typeof data.mesg === "string";
    case "event":
      return typeof data.event === "string";
    default:
      return false;
  }
}
