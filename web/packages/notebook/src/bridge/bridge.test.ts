import { beforeEach, describe, expect, test, vi } from "vitest";
import { Failure, type Place } from "../boot/boot.ts";
import { Bridge, type Frame } from "./handlers.ts";
import { HostWindow } from "./window.ts";

const ORIGIN = "https://portal.example.edu";
const PROJECT = "00000000-0000-4000-8000-00000000000a";

class FakeFrame implements Frame {
  opening: (place: Place) => Promise<Place> = async (place) => place;
  readonly calls: string[] = [];
  open(place: Place): Promise<Place> {
    return this.opening(place);
  }
  async closeAll(): Promise<void> {
    this.calls.push("closeAll");
  }
  connection() {
    return { quality: "good", status: "connected", status_time: 5 } as const;
  }
  openFiles(): Record<string, string[]> {
    return { [PROJECT]: ["a.ipynb"] };
  }
  save(): boolean {
    return false;
  }
  run(): boolean {
    return true;
  }
  setTheme(theme: string): void {
    this.calls.push(theme);
  }
}

const host = { postMessage: vi.fn(), parent: null as unknown };
host.parent = host;
let frame: FakeFrame;
let bridge: Bridge;

beforeEach(() => {
  host.postMessage.mockReset();
  vi.stubGlobal("parent", host);
  frame = new FakeFrame();
  bridge = new Bridge(frame, new HostWindow([ORIGIN]));
});

function say(data: unknown, origin = ORIGIN, source: unknown = host): void {
  const event = new MessageEvent("message", { data, origin });
  Object.defineProperty(event, "source", { value: source });
  bridge.handle(event);
}

const replies = (): unknown[] => host.postMessage.mock.calls.map(([message]) => message);
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

describe("who is answered", () => {
  test("not ourselves", () => {
    say({ action: "status" }, ORIGIN, window);
    expect(replies()).toEqual([]);
  });

  test("a window further out, too", () => {
    const outermost = { postMessage: vi.fn(), parent: null as unknown };
    outermost.parent = outermost;
    vi.stubGlobal("parent", { ...host, parent: outermost });
    say({ action: "status" }, ORIGIN, outermost);
    expect(outermost.postMessage).toHaveBeenCalledTimes(1);
  });

  test("not a window that does not show us, and the console says why", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    say({ action: "status" }, ORIGIN, { postMessage: host.postMessage });
    expect(replies()).toEqual([]);
    expect(warn.mock.calls[0]?.[0]).toContain("does not show this frame");
    warn.mockRestore();
  });

  test.each(["https://evil.example", "http://portal.example.edu"])("not %s, and the console says why", (origin) => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    say({ action: "status" }, origin);
    say({ action: "status" }, origin);
    expect(replies()).toEqual([]);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]?.[0]).toMatch(/https|embed_origins/);
    warn.mockRestore();
  });

  test("at the asking origin", () => {
    say({ action: "status" });
    expect(host.postMessage).toHaveBeenCalledWith(expect.anything(), { targetOrigin: ORIGIN });
  });
});

describe("what is answered", () => {
  test("status in its exact shape", () => {
    say({ action: "status" });
    expect(replies()).toEqual([
      {
        status: "done",
        connection: { quality: "good", status: "connected", status_time: 5 },
        open_files: { [PROJECT]: ["a.ipynb"] },
      },
    ]);
  });

  test("closeall in its exact shape", async () => {
    say({ action: "closeall" });
    await settled();
    expect(replies()).toEqual([{ status: "done", mesg: "all files are closed" }]);
  });

  test("open: ack at once, done when it is on the screen", async () => {
    let show: (place: Place) => void = () => undefined;
    frame.opening = () => new Promise((resolve) => (show = resolve));
    const about = { action: "open", path: "a.ipynb", project_id: PROJECT };
    say(about);
    await settled();
    expect(replies()).toEqual([{ status: "ack", ...about }]);
    show({ project_id: PROJECT, path: "a.ipynb" });
    await settled();
    expect(replies()).toEqual([
      { status: "ack", ...about },
      { status: "done", ...about },
    ]);
  });

  test.each([
    [new Failure("file_not_found", "There is no such file."), "There is no such file.", "file_not_found"],
    [new Failure("project_not_found", "hidden"), `problem opening project ${PROJECT}`, "project_not_found"],
    [Object.assign(new Error("other build"), { code: "forbidden" }), `problem opening project ${PROJECT}`, "forbidden"],
    ["odd", "Something went wrong in the page.", "internal_error"],
  ])("open that fails: error with the same fields", async (failure, mesg, code) => {
    frame.opening = () => Promise.reject(failure);
    const about = { action: "open", path: "x", project_id: PROJECT };
    say({ ...about, id: 9 });
    await settled();
    expect(replies()).toEqual([
      { status: "ack", ...about, id: 9 },
      { status: "error", ...about, mesg, code, id: 9 },
    ]);
  });

  test("save without a document is an error", () => {
    say({ action: "save" });
    expect(replies()).toEqual([{ status: "error", mesg: "no document is open" }]);
  });

  test("events go only to who asked for them", () => {
    bridge.emit({ status: "event", event: "ready" });
    expect(replies()).toEqual([]);
    say({ action: "subscribe" });
    expect(replies()).toEqual([
      { status: "done", mesg: "subscribed" },
      { status: "event", event: "ready" },
    ]);
  });
});
