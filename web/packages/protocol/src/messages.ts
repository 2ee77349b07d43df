/**
 * The messages between a host page and our frame. This is their only definition.
 *
 * Requests are `{action, ...}`, replies `{status, ...}`. A request may carry `id`, which its replies echo; a host page
 * that sends none gets exactly the historical shapes. Events are sent only after `subscribe`.
 */

export type MessageId = string | number;

interface WithId {
  id?: MessageId;
}

export interface OpenRequest extends WithId {
  action: "open";
  project_id: string;
  path: string;
}
export interface CloseAllRequest extends WithId {
  action: "closeall";
}
export interface StatusRequest extends WithId {
  action: "status";
}
export interface SubscribeRequest extends WithId {
  action: "subscribe";
}
export interface SaveRequest extends WithId {
  action: "save";
}
/** Run the whole document. */
export interface RunRequest extends WithId {
  action: "run";
}
export type Theme = "light" | "dark" | "system";
export interface ThemeRequest extends WithId {
  action: "theme";
  theme: Theme;
}

export type HostRequest =
  | OpenRequest
  | CloseAllRequest
  | StatusRequest
  | SubscribeRequest
  | SaveRequest
  | RunRequest
  | ThemeRequest;
export type Action = HostRequest["action"];

export type Quality = "good" | "flaky" | "bad";
export type ConnectionState = "connecting" | "connected" | "disconnected";

export interface Connection {
  quality: Quality;
  status: ConnectionState;
  /** Milliseconds of the epoch at the last change of `status`. */
  status_time: number;
  /** Average round trip in milliseconds; missing until one was measured. */
  ping?: number;
}

export interface OpenAck extends WithId {
  status: "ack";
  action: "open";
  path: string;
  project_id: string;
}
export interface OpenDone extends WithId {
  status: "done";
  action: "open";
  path: string;
  project_id: string;
}
export interface OpenError extends WithId {
  status: "error";
  action: "open";
  path: string;
  project_id: string;
  mesg: string;
  code?: string;
}
export interface StatusDone extends WithId {
  status: "done";
  connection: Connection;
  open_files: Record<string, string[]>;
}
export interface Done extends WithId {
  status: "done";
  mesg: string;
}
export interface Refused extends WithId {
  status: "error";
  mesg: string;
  code?: string;
}
export type Reply = OpenAck | OpenDone | OpenError | StatusDone | Done | Refused;

export type FrameEvent =
  | { status: "event"; event: "ready" }
  | { status: "event"; event: "progress"; stage: string; project_id: string; path: string }
  | { status: "event"; event: "opened"; project_id: string; path: string }
  | { status: "event"; event: "saved"; project_id: string; path: string }
  | { status: "event"; event: "closed"; project_id: string; path: string }
  | { status: "event"; event: "error"; code: string; mesg: string };

export type FrameMessage = Reply | FrameEvent;
