import type { Place } from "./boot.ts";

/** The frame's address: what it names, and what must not stay in it. */

export interface Address {
  token: string | null;
  frame: string | null;
  place: Place | null;
  /** Set when `/auth/impersonate` leads, outside of a frame, to a page that is not ours to show in place. */
  elsewhere: string | null;
}

const FILES = /^\/projects\/([^/]+)\/files\/(.+)$/s; // an id that is none is for the server to refuse

export const isFramed = window.parent !== window;

interface Kept {
  frame?: string;
  place?: Place | null;
}

/** Read the address, and take secrets and the redundant `session` out of it at once: history, logs and Referer see none. */
export function takeAddress(): Address {
  let url = new URL(location.href);
  const token = url.searchParams.get("auth_token");
  const kept = keptState();
  let elsewhere: string | null = null;
  if (url.pathname === "/auth/impersonate") {
    const target = new URL(url.searchParams.get("target") || "/app", location.origin);
    const fullscreen = url.searchParams.get("fullscreen");
    url = target.origin === location.origin ? target : new URL("/app", location.origin);
    if (fullscreen !== null && !url.searchParams.has("fullscreen")) url.searchParams.set("fullscreen", fullscreen);
    if (!isFramed && url.pathname !== "/app" && !FILES.test(url.pathname)) elsewhere = url.href;
  }
  url.searchParams.delete("auth_token");
  url.searchParams.delete("session");
  const frame = kept.frame ?? frameOfName();
  history.replaceState(kept, "", url.href);
  const place = "place" in kept ? (kept.place ?? null) : placeOf(url.pathname);
  return { token, frame: token === null ? frame : null, place, elsewhere };
}

/** Keep the sign-in's key (no secret: the cookie is) where a reload finds it; a blocked frame has no storage. */
export function keepFrame(frame: string | null): void {
  if (frame === null) return;
  history.replaceState({ ...keptState(), frame }, "");
  if (window.name === "" || window.name.startsWith(NAME)) window.name = NAME + frame;
}

export function keepPlace(place: Place | null): void {
  history.replaceState({ ...keptState(), place }, "");
}

const NAME = "studiolo-frame:";

function frameOfName(): string | null {
  return window.name.startsWith(NAME) ? window.name.slice(NAME.length) : null;
}

function keptState(): Kept {
  const state: unknown = history.state;
  return typeof state === "object" && state !== null ? { ...state } : {};
}

function placeOf(pathname: string): Place | null {
  const found = FILES.exec(pathname);
  if (!found?.[1] || !found[2] || pathname.endsWith("/")) return null;
  return { project_id: found[1].toLowerCase(), path: decoded(found[2]) };
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
