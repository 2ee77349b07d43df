import { describe, expect, test } from "vitest";
import { isFrameMessage, parseRequest } from "./guards.ts";
import { parseChannelMessage, parseOpenEvent } from "./socket.ts";

const PROJECT = "00000000-0000-4000-8000-000000000000";

describe("what a host page sends", () => {
  test.each([
    [null, 'There is no payload "data"'],
    [undefined, 'There is no payload "data"'],
    ["open", 'The payload "data" must be an object'],
    [5, 'The payload "data" must be an object'],
    [{}, "Unknown action 'undefined'"],
    [{ action: "zzz" }, "Unknown action 'zzz'"],
    [{ action: 5 }, "Unknown action '5'"],
    [{ action: "constructor" }, "Unknown action 'constructor'"],
    [{ action: "open" }, "invalid project_id='undefined'"],
    [{ action: "open", project_id: "x", path: "a" }, "invalid project_id='x'"],
    [{ action: "open", project_id: PROJECT }, "invalid path, it must be a string"],
    [{ action: "open", project_id: PROJECT, path: 5 }, "invalid path, it must be a string"],
  ])("%o is refused in the promised words", (data, refusal) => {
    expect(parseRequest(data)).toMatchObject({ refusal });
  });

  test("a request keeps its id, and nothing that is not part of it", () => {
    expect(parseRequest({ action: "open", project_id: PROJECT, path: "a", id: 7, extra: 1 })).toEqual({
      request: { action: "open", project_id: PROJECT, path: "a", id: 7 },
    });
    expect(parseRequest({ action: "status" })).toEqual({ request: { action: "status" } });
  });

  test("a refusal carries the id too", () => {
    expect(parseRequest({ action: "zzz", id: "a" })).toEqual({ refusal: "Unknown action 'zzz'", id: "a" });
  });

  test("an object whose text cannot be had does not break anything", () => {
    const action = {
      toString: () => {
        throw new Error("no");
      },
    };
    expect(parseRequest({ action })).toMatchObject({ refusal: "Unknown action 'object'" });
  });
});

test.each([
  [{ status: "done", mesg: "x" }, true],
  [{ status: "error" }, false],
  [{ status: "event", event: "ready" }, true],
  [{ status: "hello" }, false],
  [null, false],
  ["done", false],
])("%o is a message of the frame: %s", (data, expected) => {
  expect(isFrameMessage(data)).toBe(expected);
});

test.each([[null], [5], [{}], [{ type: "toString" }], [{ type: "zzz" }]])("%o is no message of a channel", (data) => {
  expect(parseChannelMessage(data)).toBeNull();
});

test("fields of the wrong type become harmless", () => {
  expect(parseChannelMessage({ type: "kernel", state: 5, name: [] })).toEqual({
    type: "kernel",
    state: "none",
    name: "",
  });
  expect(parseOpenEvent({ event: "opened", kind: "zip", html: 5 })).toMatchObject({ kind: "text", html: "" });
  expect(parseOpenEvent({ event: "zzz" })).toBeNull();
});
