import type { ChannelCommand } from "@studiolo/protocol";
import { createEncoder, toUint8Array, writeVarUint } from "lib0/encoding";
import { afterEach, expect, test, vi } from "vitest";
import { writeSyncStep1, writeSyncStep2, writeUpdate } from "y-protocols/sync";
import * as Y from "yjs";
import type { ChannelHandlers, ChannelSource } from "../socket/socket.ts";
import { DocumentSession } from "./session.ts";

/** The hub's end of one channel. */
class FakeHub implements ChannelSource {
  handlers: ChannelHandlers | null = null;
  isUp = true;
  isLeft = false;
  readonly bytes: Uint8Array[] = [];
  readonly commands: ChannelCommand[] = [];

  join(_place: unknown, handlers: ChannelHandlers) {
    this.handlers = handlers;
    return {
      send: (command: ChannelCommand) => this.isUp && this.commands.push(command) > 0,
      sendBytes: (bytes: Uint8Array) => this.isUp && this.bytes.push(bytes) > 0,
      destroy: () => {
        this.isLeft = true;
      },
    };
  }

  joined(generation = "g1", can_write = true, has_state = false): void {
    this.handlers?.onMessage({ type: "joined", path: "a", kind: "text", generation, can_write, has_state });
  }

  sync(write: (encoder: ReturnType<typeof createEncoder>) => void): void {
    const encoder = createEncoder();
    writeVarUint(encoder, 0);
    write(encoder);
    this.handlers?.onBytes(toUint8Array(encoder));
  }

  get updates(): number {
    return this.bytes.filter(([kind, step]) => kind === 0 && step === 2).length;
  }
}

const opened: DocumentSession[] = [];
afterEach(() => {
  for (const session of opened.splice(0)) session.destroy();
});

function open(hub: FakeHub, onReplaced = vi.fn()): DocumentSession {
  const session = new DocumentSession(hub, { project_id: "p", path: "a" }, true, {
    onNotice: vi.fn(),
    onInput: vi.fn(),
    onInputDone: vi.fn(),
    onReplaced,
  });
  opened.push(session);
  return session;
}

const type = (session: DocumentSession, text: string): void => session.doc.getText("source").insert(0, text);

test("a room that sends all it has at once is not asked for it", () => {
  const hub = new FakeHub();
  const session = open(hub);
  hub.joined("g1", true, true);
  expect(hub.bytes.filter(([kind, step]) => kind === 0 && step === 0)).toEqual([]);
  const there = new Y.Doc();
  there.getText("source").insert(0, "text");
  hub.sync((encoder) => writeSyncStep2(encoder, there));
  expect(session.state.value.isSynced).toBe(true);
  expect(session.doc.getText("source").toString()).toBe("text");
});

test("an edit is unsaved until it is acknowledged", () => {
  const hub = new FakeHub();
  const session = open(hub);
  hub.joined();
  type(session, "a");
  type(session, "b");
  expect(session.state.value.unacked).toBe(2);

  hub.handlers?.onMessage({ type: "ack", count: 1 });
  expect(session.state.value.unacked).toBe(1);

  hub.handlers?.onMessage({ type: "ack", count: 2 });
  expect(session.state.value.unacked).toBe(0);
});

test("what is written without a connection is sent when it is back, once", () => {
  const hub = new FakeHub();
  const room = new Y.Doc();
  const session = open(hub);
  hub.joined();
  hub.isUp = false;
  hub.handlers?.onDown();
  type(session, "offline");
  expect(hub.updates).toBe(0);
  expect(session.state.value).toMatchObject({ isConnected: false, unacked: 1 });

  hub.isUp = true;
  hub.joined();
  hub.sync((encoder) => writeSyncStep1(encoder, room));
  const answer = hub.bytes.find(([kind, step]) => kind === 0 && step === 1);
  expect(answer).toBeDefined();
  expect(session.state.value.unacked).toBe(1);
  hub.handlers?.onMessage({ type: "ack", count: 1 });
  expect(session.state.value.unacked).toBe(0);
});

test("an answer with nothing new in it is not waited for", () => {
  const hub = new FakeHub();
  const session = open(hub);
  hub.joined();
  hub.sync((encoder) => writeSyncStep1(encoder, new Y.Doc()));
  expect(session.state.value.unacked).toBe(0);
});

test("a room of another generation is not merged, and lost edits are told", () => {
  const hub = new FakeHub();
  const onReplaced = vi.fn();
  const session = open(hub, onReplaced);
  hub.joined("g1");
  hub.isUp = false;
  hub.handlers?.onDown();
  type(session, "x");
  hub.isUp = true;
  const sent = hub.bytes.length;
  hub.joined("g2");
  expect(onReplaced).toHaveBeenCalledWith(true);
  expect(hub.bytes).toHaveLength(sent);
});

test("updates that build on missing ones make it ask for everything", () => {
  vi.useFakeTimers();
  const hub = new FakeHub();
  const session = open(hub);
  hub.joined();
  const room = new Y.Doc();
  const updates: Uint8Array[] = [];
  room.on("update", (update: Uint8Array) => updates.push(update));
  room.getText("source").insert(0, "a");
  room.getText("source").insert(1, "b");
  const asked = hub.bytes.length;
  hub.sync((encoder) => writeUpdate(encoder, updates[1] ?? new Uint8Array()));
  vi.advanceTimersByTime(600);
  expect(hub.bytes[asked]?.slice(0, 2)).toEqual(new Uint8Array([0, 0]));

  hub.sync((encoder) => writeSyncStep2(encoder, room));
  expect(session.doc.getText("source").toString()).toBe("ab");
  expect(session.state.value.isSynced).toBe(true);
  vi.useRealTimers();
});

test("destroying leaves the channel and no listener", () => {
  const added = vi.spyOn(window, "addEventListener");
  const removed = vi.spyOn(window, "removeEventListener");
  const hub = new FakeHub();
  open(hub);
  opened.splice(0)[0]?.destroy();
  expect(hub.isLeft).toBe(true);
  expect(removed.mock.calls.length).toBe(added.mock.calls.length);
});
