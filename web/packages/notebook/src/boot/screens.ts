import { isFramed } from "./address.ts";
import type { Failure } from "./boot.ts";

/** What the frame shows while there is no document: progress, and failures with the words of what to do. */

const STAGES: Record<string, string> = {
  signing_in: "Signing in\u2026",
  starting_project: "Starting the project\u2026",
  opening_document: "Opening the document\u2026",
};

const REMEDIES: Record<string, [title: string, remedy: string]> = {
  unauthenticated: ["You are not signed in", "Go back to the page that led here and open the document again."],
  unreachable: ["The server cannot be reached", "Check the network connection, then try again."],
  project_not_found: ["There is no such project", "It may have been removed, or this account has no access to it."],
  file_not_found: ["There is no such file", ""],
  forbidden: ["No access", "This account may not open the document."],
  account_banned: ["This account is blocked", "Ask the people who run this server."],
  project_not_running: ["The project is not running", "This sign-in may not start it."],
};
const EXPIRED: [string, string] = [
  "The sign-in has expired",
  "Reload the page that shows this document to sign in again.",
];

export function el(tag: string, className: string, ...children: (Node | string)[]): HTMLElement {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** Waiting shorter than this is not shown: to draw it would hold up what is waited for. */
const PATIENCE_MS = 200;
let words = "";
let timer = 0;

export function showProgress(root: HTMLElement, stage: string): void {
  words = STAGES[stage] ?? "Loading\u2026";
  const shown = root.querySelector(".splash p");
  if (shown) {
    shown.textContent = words;
    return;
  }
  root.replaceChildren();
  const draw = (): void => {
    if (root.childElementCount > 0) return; // what was waited for has come
    const splash = el("div", "splash", el("span", "spinner"), el("p", "", words));
    splash.setAttribute("role", "status");
    root.replaceChildren(splash);
  };
  clearTimeout(timer);
  // to start a project never takes that little
  if (stage === "starting_project") draw();
  else timer = window.setTimeout(draw, PATIENCE_MS);
}

export function showFailure(root: HTMLElement, failure: Failure, retry: () => void): void {
  const [title, remedy] = /^(auth_token|sign_in)_/.test(failure.code)
    ? EXPIRED
    : (REMEDIES[failure.code] ?? ["The document could not be opened", ""]);
  const button = el("button", "primary", "Try again");
  button.addEventListener("click", retry);
  const page = el("div", "failure", el("h1", "", title), el("p", "", remedy || failure.message), button);
  if (!isFramed && /^unauth|^sign_in/.test(failure.code)) button.before(signInLink());
  page.setAttribute("role", "alert");
  root.replaceChildren(page);
}

/** On a page of its own there is nobody else to sign the reader in. */
function signInLink(): HTMLElement {
  const link = el("a", "", "Sign in");
  link.setAttribute("href", `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  return link;
}
