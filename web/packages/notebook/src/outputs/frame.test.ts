// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test } from "vitest";
import { OutputFrame } from "./frame.ts";

/** As a browser's, for a place that is visible at once. */
class VisibleAtOnce {
  readonly #tell: (entries: { isIntersecting: boolean }[]) => void;

  constructor(tell: (entries: { isIntersecting: boolean }[]) => void) {
    this.#tell = tell;
  }

  observe(): void {
    queueMicrotask(() => this.#tell([{ isIntersecting: true }]));
  }

  disconnect(): void {}
}

let place: HTMLElement;

beforeEach(() => {
  Object.assign(globalThis, { IntersectionObserver: VisibleAtOnce });
  place = document.body.appendChild(document.createElement("div"));
});

afterEach(() => place.remove());

async function shown(): Promise<{ output: OutputFrame; inside: Window; received: unknown[] }> {
  const output = new OutputFrame(place, "<b>plot</b>");
  await Promise.resolve();
  const inside = place.querySelector("iframe")?.contentWindow;
  if (!inside) throw new Error("there is no frame");
  const received: unknown[] = [];
  inside.addEventListener("message", (event) => received.push(event.data));
  return { output, inside, received };
}

function say(source: Window, data: unknown): void {
  dispatchEvent(new MessageEvent("message", { source, data }));
}

async function settled(received: unknown[]): Promise<number> {
  let seen = -1;
  while (seen !== received.length) {
    seen = received.length;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return seen;
}

test("a frame that is ready gets its output, again when it was loaded again", async () => {
  const { output, inside, received } = await shown();
  say(inside, { type: "ready" });
  say(inside, { type: "ready" });
  await settled(received);
  expect(received).toEqual(Array(2).fill({ type: "render", html: "<b>plot</b>", theme: "light" }));
  output.destroy();
});

test("a frame that asks without end is answered no more", async () => {
  const { output, inside, received } = await shown();
  for (let times = 0; times < 1000; times++) say(inside, { type: "ready" });
  expect(await settled(received)).toBe(20);
  output.destroy();
});

test("nobody but the frame is answered", async () => {
  const { output, received } = await shown();
  say(window, { type: "ready" });
  expect(await settled(received)).toBe(0);
  output.destroy();
});
