import type { AccountName, DocumentKind } from "@studiolo/protocol";

/** What the boot script hands to the live code. Types only: the boot script is inlined in the page and small. */

export interface Config {
  /** Rules of the origins whose pages may send us messages. */
  origins: readonly string[];
  assets: { live: string; preload: readonly string[] };
  /** For the style elements that the editor makes. */
  nonce: string;
  isKiosk: boolean;
}

export interface Place {
  project_id: string;
  path: string;
}

export interface SignIn {
  bearer: string;
  expires_in_seconds: number;
  frame: string | null;
  account: AccountName;
}

export interface Opened extends Place {
  kind: DocumentKind;
  can_write: boolean;
  title: string;
  /** The server-rendered document, on the page already. */
  article: HTMLElement;
}

/** A socket that the boot script began: it has said hello and, with a place, asked to join it as channel 0. */
export interface EarlySocket {
  readonly socket: WebSocket;
  readonly place: Place | null;
  /** What came before the live code listened. */
  readonly received: readonly unknown[];
}

export class Failure extends Error {
  override name = "Failure";
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** Any error as a failure. Boot and live code are two builds with a class each, so `instanceof` alone cannot tell. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    return new Failure(error.code, error.message);
  }
  return new Failure("internal_error", "Something went wrong in the page.");
}

export interface Boot {
  readonly config: Config;
  readonly root: HTMLElement;
  /** The latest sign-in; its bearer is renewed by `refresh`. */
  signIn(): SignIn;
  isSignedIn(): boolean;
  /** Get a new bearer for the same sign-in. */
  refresh(): Promise<SignIn>;
  /** Open a document: start its project, show its server-rendered form. Throws `Failure`. */
  open(place: Place, onProgress: (stage: string) => void): Promise<Opened>;
  /** Remember what is open, so that a reload of the frame opens it again. */
  remember(place: Place | null): void;
  /** Hand every message of a host page, those that waited first, to a listener; returns what undoes it. */
  onMessage(listener: (event: MessageEvent) => void): () => void;
  /** Put HTML that our server made into an element; the only place of the product that does. */
  setHtml(element: Element, html: string): void;
  showProgress(stage: string): void;
  showFailure(failure: Failure, retry: () => void): void;
  /** Hand over the socket that was begun early; once. */
  takeSocket(): EarlySocket | null;
  /** Tell where the reader pressed last, if nobody has asked since: it may have been before anything could answer. */
  takePress(): Press | null;
  /** Hand over what was typed since the last press into code, while there was no editor to take it; once. */
  takeTyped(): string;
}

export interface Press {
  target: Element;
  x: number;
  y: number;
}

/** The live code, running. */
export interface Live {
  /** Take over what the page shows: a document, nothing, or (`failure`) why none could be opened. */
  show(opened: Opened | null, failure?: Failure): void;
}

export interface LiveModule {
  start(boot: Boot): Live;
}
