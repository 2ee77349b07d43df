import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Boot, EarlySocket } from "../boot/boot.ts";
import { type ChannelHandlers, Socket } from "./socket.ts";

/** The browser's end of a WebSocket, as the test drives it. */
class FakeWebSocket {
  static readonly OPEN = 1;
  static made: FakeWebSocket[] = [];
  readyState = 1;
  binaryType = "";
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly sent: { type?: string; channel?: number; path?: string }[] = [];

  constructor() {
    FakeWebSocket.made.push(this);
  }
  send(data: unknown): void {
    if (typeof data === "string") this.sent.push(JSON.parse(data));
  }
  close(): void {
    this.readyState = 3;
  }
  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  types(): (string | undefined)[] {
    return this.sent.map(({ type }) => type);
  }
}

const PLACE = { project_id: "p", path: "a.ipynb" };
const JOINED = { type: "joined", channel: 0, path: "a.ipynb", kind: "notebook", generation: "g", can_write: true };
const sockets: Socket[] = [];

function socketWith(early: EarlySocket | null): Socket {
  const boot = { takeSocket: () => early, signIn: () => ({ bearer: "b", expires_in_seconds: 900 }) };
  const socket = new Socket(boot as unknown as Boot);
  sockets.push(socket);
  return socket;
}

function begun(...received: unknown[]): { early: EarlySocket; wire: FakeWebSocket } {
  const wire = new FakeWebSocket();
  return { early: { socket: wire as unknown as WebSocket, place: PLACE, received }, wire };
}

function handlers() {
  return { onMessage: vi.fn<ChannelHandlers["onMessage"]>(), onBytes: vi.fn(), onDown: vi.fn() };
}

beforeEach(() => {
  FakeWebSocket.made = [];
  vi.stubGlobal("WebSocket", FakeWebSocket);
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  vi.unstubAllGlobals();
});

test("what came before the live code reaches the document that was joined early", async () => {
  const bytes = new Uint8Array([0, 7, 8]).buffer;
  const { early, wire } = begun(JSON.stringify({ type: "welcome", account_id: "x" }), JSON.stringify(JOINED), bytes);
  const socket = socketWith(early);
  const document = handlers();
  socket.join(PLACE, document);
  await Promise.resolve();
  expect(FakeWebSocket.made).toHaveLength(1);
  expect(socket.state.value.status).toBe("connected");
  expect(document.onMessage).toHaveBeenCalledOnce();
  expect(document.onBytes).toHaveBeenCalledWith(new Uint8Array([7, 8]));
  expect(wire.types()).toEqual(["ping"]); // the boot script has said hello and asked to join
});

test("a document other than the one joined early gets a channel of its own, and the early one is left", async () => {
  const { early, wire } = begun(JSON.stringify({ type: "welcome", account_id: "x" }), JSON.stringify(JOINED));
  const socket = socketWith(early);
  const document = handlers();
  socket.join({ project_id: "p", path: "b.ipynb" }, document);
  await Promise.resolve();
  expect(document.onMessage).not.toHaveBeenCalled();
  expect(wire.sent.filter(({ type }) => type === "join")).toMatchObject([{ path: "b.ipynb", channel: 1 }]);
  expect(wire.sent.filter(({ type }) => type === "leave")).toMatchObject([{ channel: 0 }]);
});

test("bytes for a document that was left do not reach the next one", async () => {
  const { early, wire } = begun(JSON.stringify({ type: "welcome", account_id: "x" }), JSON.stringify(JOINED));
  const socket = socketWith(early);
  const first = handlers();
  const channel = socket.join(PLACE, first);
  await Promise.resolve();
  channel.destroy();
  const second = handlers();
  socket.join(PLACE, second);
  wire.onmessage?.({ data: new Uint8Array([0, 1]).buffer });
  wire.onmessage?.({ data: new Uint8Array([1, 1]).buffer }); // not joined yet
  expect(first.onBytes).not.toHaveBeenCalled();
  expect(second.onBytes).not.toHaveBeenCalled();
});

test("without an early socket one is made", () => {
  socketWith(null);
  expect(FakeWebSocket.made).toHaveLength(1);
});

test("an early socket that has closed already is not taken over", () => {
  const { early, wire } = begun();
  wire.close();
  socketWith(early);
  expect(FakeWebSocket.made).toHaveLength(2);
});
