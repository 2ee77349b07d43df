import { afterEach, describe, expect, test, vi } from "vitest";
import { connect, type Studiolo } from "./connect.ts";
import { frameUrl } from "./frame.ts";

const ORIGIN = "https://studiolo.example.edu";

/** A frame whose window is played by the test. */
function fakeFrame(answer: (request: Record<string, unknown>) => unknown[]): HTMLIFrameElement {
  const contentWindow = {
    postMessage: (request: Record<string, unknown>, target: string) => {
      expect(target).toBe(ORIGIN);
      for (const data of answer(request)) queueMicrotask(() => say(contentWindow, data));
    },
  };
  return { src: `${ORIGIN}/app`, contentWindow } as unknown as HTMLIFrameElement;
}

function say(source: unknown, data: unknown, origin = ORIGIN): void {
  const event = new MessageEvent("message", { data, origin });
  Object.defineProperty(event, "source", { value: source });
  dispatchEvent(event);
}

const obliging = (request: Record<string, unknown>): unknown[] =>
  request.action === "open"
    ? [
        { status: "ack", action: "open", id: request.id },
        { status: "done", action: "open", id: request.id },
      ]
    : [{ status: "done", mesg: "ok", id: request.id }];

let connected: Studiolo | null = null;
afterEach(() => {
  connected?.destroy();
  connected = null;
  vi.useRealTimers();
});

describe("connect", () => {
  test("resolves with the first answer, and open with `done`", async () => {
    connected = await connect(fakeFrame(obliging));
    await connected.open("p", "a.ipynb");
  });

  test("knocks again while the frame loads", async () => {
    vi.useFakeTimers();
    let knocks = 0;
    const connecting = connect(fakeFrame((request) => (++knocks < 3 ? [] : obliging(request))));
    await vi.advanceTimersByTimeAsync(600);
    connected = await connecting;
    expect(knocks).toBe(3);
  });

  test("gives up after the timeout and leaves no listener", async () => {
    vi.useFakeTimers();
    const removed = vi.spyOn(window, "removeEventListener");
    const connecting = connect(
      fakeFrame(() => []),
      { timeoutMs: 1000 },
    );
    const refused = expect(connecting).rejects.toMatchObject({ code: "no_answer" });
    await vi.advanceTimersByTimeAsync(1000);
    await refused;
    expect(removed).toHaveBeenCalledWith("message", expect.any(Function));
    expect(vi.getTimerCount()).toBe(0);
  });

  test("an error rejects with its code", async () => {
    connected = await connect(
      fakeFrame((request) =>
        request.action === "open"
          ? [{ status: "error", mesg: "no", code: "file_not_found", id: request.id }]
          : obliging(request),
      ),
    );
    await expect(connected.open("p", "x")).rejects.toMatchObject({ code: "file_not_found", message: "no" });
  });

  test("messages of other windows and origins do not count", async () => {
    const events: unknown[] = [];
    const frame = fakeFrame(obliging);
    connected = await connect(frame, { onEvent: (event) => events.push(event) });
    say({}, { status: "event", event: "ready" });
    say(frame.contentWindow, { status: "event", event: "ready" }, "https://evil.example");
    say(frame.contentWindow, { status: "event", event: "ready" });
    expect(events).toHaveLength(1);
  });

  test("destroy refuses what waits and what comes", async () => {
    connected = await connect(fakeFrame((request) => (request.action === "status" ? [] : obliging(request))));
    const asked = connected.status();
    connected.destroy();
    await expect(asked).rejects.toMatchObject({ code: "destroyed" });
    await expect(connected.closeAll()).rejects.toMatchObject({ code: "destroyed" });
  });
});

test("the address names the document and carries the token", () => {
  const url = frameUrl({ server: ORIGIN, authToken: "T", document: { projectId: "p", path: "a b/ü?.ipynb" } });
  expect(url).toBe(`${ORIGIN}/projects/p/files/a%20b/%C3%BC%3F.ipynb?auth_token=T&fullscreen=kiosk`);
});
