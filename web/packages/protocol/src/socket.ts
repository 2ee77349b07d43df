import { isObject } from "./guards.ts";

/** The messages of the one WebSocket (`/frame/socket`) and of the stream that `POST /frame/open` answers. */

export type KernelState = "none" | "starting" | "idle" | "busy" | "restarting" | "dead";
export type DocumentKind = "notebook" | "markdown" | "text";
export type NoticeLevel = "info" | "warning" | "error";

/** From the hub, about the socket itself. */
export type SocketMessage = { type: "welcome"; account_id: string } | { type: "pong"; t: number };

/** From the hub or the project's agent, about one channel. */
export type ChannelMessage =
  | { type: "progress"; stage: string }
  | { type: "joined"; path: string; kind: DocumentKind; generation: string; can_write: boolean; has_state: boolean }
  | { type: "error"; code: string; message: string }
  | { type: "ack"; count: number }
  | { type: "saved"; is_saved: boolean }
  | { type: "kernel"; state: KernelState; name: string }
  | { type: "input"; cell_id: string; prompt: string; is_password: boolean }
  | { type: "input_done"; cell_id: string }
  | { type: "notice"; level: NoticeLevel; code: string; message: string }
  | { type: "closed"; code: string; message: string };

/** From us to the project's agent. */
export type ChannelCommand =
  | { type: "run"; cell_id: string }
  | { type: "run_all" }
  | { type: "interrupt" }
  | { type: "restart" }
  | { type: "input_reply"; cell_id: string; value: string }
  | { type: "save" };

export type OpenEvent =
  | { event: "signed_in"; bearer: string; expires_in_seconds: number; frame: string | null; account: AccountName }
  | { event: "progress"; stage: string }
  | { event: "opened"; path: string; kind: DocumentKind; html: string; can_write: boolean; title: string }
  | { event: "directory"; location: string }
  | { event: "error"; code: string; message: string };

export interface AccountName {
  account_id: string;
  name: string;
}

const text = (value: unknown, otherwise = ""): string => (typeof value === "string" ? value : otherwise);
const number = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);

const KERNEL_STATES: readonly string[] = ["none", "starting", "idle", "busy", "restarting", "dead"];

function kind(value: unknown): DocumentKind {
  return value === "notebook" || value === "markdown" ? value : "text";
}

function kernelState(value: unknown): KernelState {
  return KERNEL_STATES.includes(text(value)) ? (value as KernelState) : "none";
}

/** Read a JSON message of the socket; null when it is of no known type. */
export function parseSocketMessage(value: unknown): SocketMessage | null {
  if (!isObject(value)) return null;
  if (value.type === "welcome") return { type: "welcome", account_id: text(value.account_id) };
  if (value.type === "pong") return { type: "pong", t: number(value.t) };
  return null;
}

type ChannelReader = (value: Record<string, unknown>) => ChannelMessage;

const CHANNEL_READERS: Record<ChannelMessage["type"], ChannelReader> = {
  progress: (v) => ({ type: "progress", stage: text(v.stage) }),
  joined: (v) => ({
    type: "joined",
    path: text(v.path),
    kind: kind(v.kind),
    generation: String(v.generation ?? ""),
    can_write: v.can_write === true,
    has_state: v.has_state === true,
  }),
  error: (v) => ({ type: "error", code: text(v.code), message: text(v.message) }),
  ack: (v) => ({ type: "ack", count: number(v.count) }),
  saved: (v) => ({ type: "saved", is_saved: v.is_saved === true }),
  kernel: (v) => ({ type: "kernel", state: kernelState(v.state), name: text(v.name) }),
  input: (v) => ({
    type: "input",
    cell_id: text(v.cell_id),
    prompt: text(v.prompt),
    is_password: v.is_password === true,
  }),
  input_done: (v) => ({ type: "input_done", cell_id: text(v.cell_id) }),
  notice: (v) => ({
    type: "notice",
    level: v.level === "error" || v.level === "warning" ? v.level : "info",
    code: text(v.code),
    message: text(v.message),
  }),
  closed: (v) => ({ type: "closed", code: text(v.code), message: text(v.message) }),
};

/** Read a JSON message of a channel; null when it is of no known type. */
export function parseChannelMessage(value: unknown): ChannelMessage | null {
  if (!isObject(value) || typeof value.type !== "string" || !Object.hasOwn(CHANNEL_READERS, value.type)) return null;
  return CHANNEL_READERS[value.type as ChannelMessage["type"]](value);
}

/** Read one line of the stream that `POST /frame/open` answers; null when it is none of ours. */
export function parseOpenEvent(value: unknown): OpenEvent | null {
  if (!isObject(value)) return null;
  switch (value.event) {
    case "signed_in": {
      const account = isObject(value.account) ? value.account : {};
      return {
        event: "signed_in",
        bearer: text(value.bearer),
        expires_in_seconds: number(value.expires_in_seconds),
        frame: typeof value.frame === "string" ? value.frame : null,
        account: { account_id: text(account.account_id), name: text(account.name) },
      };
    }
    case "progress":
      return { event: "progress", stage: text(value.stage) };
    case "opened":
      return {
        event: "opened",
        path: text(value.path),
        kind: kind(value.kind),
        html: text(value.html),
        can_write: value.can_write === true,
        title: text(value.title),
      };
    case "directory":
      return { event: "directory", location: text(value.location) };
    case "error":
      return { event: "error", code: text(value.code), message: text(value.message) };
    default:
      return null;
  }
}
