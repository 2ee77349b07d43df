import {
  type ChannelCommand,
  type ChannelMessage,
  type Connection,
  type ConnectionState,
  parseChannelMessage,
  parseSocketMessage,
  type Quality,
} from "@studiolo/protocol";
import { asFailure, type Boot, type EarlySocket, type Place } from "../boot/boot.ts";
import { Store } from "../store/store.ts";

/**
 * The one WebSocket of the frame.
 *
 * 1. The first message carries the bearer; the socket counts as connected once the hub welcomed it. The first socket
 *    was begun by the boot script and is taken over.
 * 2. It comes back by itself, sooner when the network says it is there again, and joins every channel anew.
 * 3. A ping every few seconds measures the connection; a missing answer ends it, so that a dead one is noticed.
 */

export interface ChannelHandlers {
  onMessage(message: ChannelMessage): void;
  onBytes(bytes: Uint8Array): void;
  onDown(): void;
}

/** One document's share of the socket, as its session sees it. */
export interface OpenChannel {
  send(command: ChannelCommand): boolean;
  sendBytes(bytes: Uint8Array): boolean;
  destroy(): void;
}

export interface ChannelSource {
  join(place: Place, handlers: ChannelHandlers): OpenChannel;
}

export interface SocketState {
  status: ConnectionState;
  statusTime: number;
  ping: number | null;
  /** The sign-in is over: connecting again cannot help. */
  isSignedOut: boolean;
}

const PING_SECONDS = 10;
const PONG_SECONDS = 8;
const DOUBT_SECONDS = 2;
const MAX_BACKOFF_MS = 10_000;
const CLOSE_UNAUTHENTICATED = 4401;
const CHANNELS = 256;
const EARLY_CHANNEL = 0;

export class Socket implements ChannelSource {
  readonly state: Store<SocketState>;
  readonly #boot: Boot;
  readonly #channels = new Map<number, Channel>();
  #socket: WebSocket | null = null;
  #early: EarlySocket | null = null;
  #lastNumber = EARLY_CHANNEL;
  #attempt = 0;
  #reconnect = 0;
  #heartbeat = 0;
  #deadline = 0;
  #renewal = 0;
  #isDestroyed = false;

  constructor(boot: Boot) {
    this.#boot = boot;
    this.state = new Store<SocketState>({
      status: "connecting",
      statusTime: Date.now(),
      ping: null,
      isSignedOut: false,
    });
    addEventListener("online", this.#hurry);
    addEventListener("offline", this.#doubt);
    document.addEventListener("visibilitychange", this.#hurry);
    const early = boot.takeSocket();
    if (early !== null && early.socket.readyState <= WebSocket.OPEN) this.#takeOver(early);
    else this.#connect();
    this.#planRenewal();
  }

  get connection(): Connection {
    const { status, statusTime, ping } = this.state.value;
    return { quality: this.#quality(), status, status_time: statusTime, ...(ping === null ? {} : { ping }) };
  }

  join(place: Place, handlers: ChannelHandlers): OpenChannel {
    const number = this.#isEarly(place) ? EARLY_CHANNEL : this.#freeNumber();
    const channel = new Channel(number, place, handlers, this);
    this.#channels.set(number, channel);
    if (this.state.value.status === "connected") channel.join();
    return channel;
  }

  /** @internal for channels */
  leave(channel: Channel): void {
    if (this.#channels.get(channel.number) !== channel) return;
    this.#channels.delete(channel.number);
    this.send({ type: "leave", channel: channel.number });
  }

  /** @internal for channels; false when the message was not sent */
  send(message: object | Uint8Array<ArrayBuffer>): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(message instanceof Uint8Array ? message : JSON.stringify(message));
    return true;
  }

  destroy(): void {
    this.#isDestroyed = true;
    removeEventListener("online", this.#hurry);
    removeEventListener("offline", this.#doubt);
    document.removeEventListener("visibilitychange", this.#hurry);
    for (const timer of [this.#reconnect, this.#heartbeat, this.#deadline, this.#renewal]) clearTimeout(timer);
    this.#socket?.close(1000);
    this.#channels.clear();
  }

  #quality(): Quality {
    const { status, ping } = this.state.value;
    if (status === "disconnected" || (status === "connecting" && this.#attempt > 1)) return "bad";
    if (this.#attempt > 0 || (ping !== null && ping > 800)) return "flaky";
    return "good";
  }

  #setStatus(status: ConnectionState): void {
    if (status !== this.state.value.status) this.state.set({ status, statusTime: Date.now() });
  }

  #connect(): void {
    if (this.#isDestroyed) return;
    this.#setStatus("connecting");
    const url = new URL("/frame/socket", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello", bearer: this.#boot.signIn().bearer }));
    this.#listen(socket);
  }

  #takeOver(early: EarlySocket): void {
    this.#early = early;
    this.#listen(early.socket);
    // a moment later, when whoever makes this socket has joined the document and listens
    queueMicrotask(() => {
      for (const data of early.received) this.#receive(data);
      const isWanted = early.place === null || this.#channels.has(EARLY_CHANNEL);
      if (!isWanted) this.send({ type: "leave", channel: EARLY_CHANNEL });
    });
  }

  /** Tell whether the boot script has asked to join this document already. */
  #isEarly(place: Place): boolean {
    const early = this.#early?.place;
    return place.project_id === early?.project_id && place.path === early.path;
  }

  /** Not the lowest one: what is still on its way for a document that was left must not reach another. */
  #freeNumber(): number {
    do this.#lastNumber = (this.#lastNumber + 1) % CHANNELS;
    while (this.#channels.has(this.#lastNumber));
    return this.#lastNumber;
  }

  #listen(socket: WebSocket): void {
    socket.onmessage = (event: MessageEvent<unknown>) => this.#receive(event.data);
    socket.onclose = (event) => {
      if (socket === this.#socket) void this.#closed(event.code);
    };
    this.#socket = socket;
  }

  #receive(data: unknown): void {
    if (data instanceof ArrayBuffer) {
      const bytes = new Uint8Array(data);
      this.#channels.get(bytes[0] ?? -1)?.receiveBytes(bytes.subarray(1));
      return;
    }
    const value = parsed(data);
    if (typeof value.channel === "number") {
      const message = parseChannelMessage(value);
      if (message !== null) this.#channels.get(value.channel)?.receive(message);
      return;
    }
    const message = parseSocketMessage(value);
    if (message?.type === "welcome") this.#welcome();
    if (message?.type === "pong") this.#pong(message.t);
  }

  #welcome(): void {
    this.#attempt = 0;
    this.#setStatus("connected");
    this.#ping();
    for (const channel of this.#channels.values()) if (!this.#isEarly(channel.place)) channel.join();
    this.#early = null;
  }

  #ping(answerWithin = PONG_SECONDS): void {
    clearTimeout(this.#heartbeat);
    this.send({ type: "ping", t: performance.now() });
    clearTimeout(this.#deadline);
    this.#deadline = window.setTimeout(() => this.#socket?.close(4000), answerWithin * 1000);
  }

  #pong(sentAt: number): void {
    clearTimeout(this.#deadline);
    const measured = performance.now() - sentAt;
    const before = this.state.value.ping;
    this.state.set({ ping: Math.round(before === null ? measured : before * 0.7 + measured * 0.3) });
    this.#heartbeat = window.setTimeout(() => this.#ping(), PING_SECONDS * 1000);
  }

  async #closed(code: number): Promise<void> {
    clearTimeout(this.#heartbeat);
    clearTimeout(this.#deadline);
    this.#socket = this.#early = null;
    this.#setStatus("disconnected");
    for (const channel of this.#channels.values()) channel.down();
    if (this.#isDestroyed) return;
    if (code === CLOSE_UNAUTHENTICATED && !(await this.#renew())) return;
    this.#attempt++;
    const wait = Math.min(MAX_BACKOFF_MS, 250 * 2 ** Math.min(this.#attempt, 8)) * (0.5 + Math.random() / 2);
    this.#reconnect = window.setTimeout(() => this.#connect(), wait);
  }

  #hurry = (): void => {
    if (this.#socket !== null || document.visibilityState === "hidden" || this.state.value.isSignedOut) return;
    clearTimeout(this.#reconnect);
    this.#connect();
  };

  /** The browser thinks that the network is gone; it may be wrong, so ask, but do not wait long. */
  #doubt = (): void => {
    this.#ping(DOUBT_SECONDS);
  };

  #planRenewal(): void {
    clearTimeout(this.#renewal);
    const seconds = Math.max(10, this.#boot.signIn().expires_in_seconds * 0.6);
    this.#renewal = window.setTimeout(() => void this.#renew(), Math.min(seconds, 86_400) * 1000);
  }

  /** Get a new bearer; false when the sign-in is over. */
  async #renew(): Promise<boolean> {
    try {
      const { bearer } = await this.#boot.refresh();
      this.send({ type: "renew", bearer });
    } catch (error) {
      const { code } = asFailure(error);
      if (code !== "unreachable" && code !== "internal_error" && !code.startsWith("http_5")) {
        this.state.set({ isSignedOut: true });
        return false;
      }
    }
    if (!this.#isDestroyed) this.#planRenewal();
    return true;
  }
}

class Channel implements OpenChannel {
  readonly number: number;
  readonly place: Place;
  readonly handlers: ChannelHandlers;
  readonly #socket: Socket;
  #isJoined = false;

  constructor(number: number, place: Place, handlers: ChannelHandlers, socket: Socket) {
    this.number = number;
    this.place = place;
    this.handlers = handlers;
    this.#socket = socket;
  }

  /** @internal */
  join(): void {
    this.#isJoined = false;
    this.#socket.send({ type: "join", channel: this.number, ...this.place });
  }

  /** @internal */
  receive(message: ChannelMessage): void {
    if (message.type === "joined") this.#isJoined = true;
    this.handlers.onMessage(message);
  }

  /** @internal */
  receiveBytes(bytes: Uint8Array): void {
    if (this.#isJoined) this.handlers.onBytes(bytes);
  }

  /** @internal */
  down(): void {
    this.#isJoined = false;
    this.handlers.onDown();
  }

  send(command: ChannelCommand): boolean {
    return this.#isJoined && this.#socket.send({ ...command, channel: this.number });
  }

  sendBytes(bytes: Uint8Array): boolean {
    if (!this.#isJoined) return false;
    const message = new Uint8Array(bytes.length + 1);
    message[0] = this.number;
    message.set(bytes, 1);
    return this.#socket.send(message);
  }

  destroy(): void {
    this.#socket.leave(this);
  }
}

function parsed(data: unknown): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(String(data));
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
