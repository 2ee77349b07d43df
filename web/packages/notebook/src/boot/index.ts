import { isFramed, keepFrame, keepPlace, takeAddress } from "./address.ts";
import {
  asFailure,
  type Boot,
  type Config,
  type EarlySocket,
  Failure,
  type Live,
  type LiveModule,
  type Opened,
  type Place,
  type Press,
  type SignIn,
} from "./boot.ts";
import { paintColours } from "./colours.ts";
import { connectEarly } from "./early.ts";
import { el, showFailure, showProgress } from "./screens.ts";
import { openStream } from "./stream.ts";

/**
 * The boot script, inlined in the shell page.
 *
 * 1. From the first moment messages of a host page are kept; none is lost while the live code loads.
 * 2. The token leaves the address before anything else is asked for.
 * 3. The live code loads beside the document, and takes over after the first paint. Its socket is begun as soon as
 *    there is a bearer, so that the shared data travels while the document is drawn.
 */

interface TrustedPolicy {
  createHTML(html: string): string;
}
interface TrustedFactory {
  createPolicy(name: string, rules: TrustedPolicy): TrustedPolicy;
}

const waiting: MessageEvent[] = [];
let deliver: (event: MessageEvent) => void = (event) => void waiting.push(event);
addEventListener("message", (event) => deliver(event));

let press: Press | null = null;
let awaited: Element | null = null; // code that was pressed into, and has no editor yet
let typed = "";
const STILL = ":scope > pre.code";
addEventListener(
  "pointerdown",
  ({ target, button, clientX: x, clientY: y }) => {
    press = target instanceof Element && button === 0 ? { target, x, y } : null;
    const source = press?.target.closest(".source") ?? null;
    awaited = source?.querySelector(STILL) ? source : null;
    typed = "";
  },
  true,
);

// Who has pressed into code types at once: what comes before the editor is there is kept for it, and is no command.
addEventListener(
  "keydown",
  (event) => {
    if (!awaited?.querySelector(STILL) || document.activeElement?.contains(awaited) === false) return;
    if (event.key.length !== 1 || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    typed += event.key;
    event.preventDefault();
  },
  true,
);

const config = readConfig();
const root = document.getElementById("studiolo") ?? document.body;
const address = takeAddress();
const factory = (window as { trustedTypes?: TrustedFactory }).trustedTypes;
const policy = factory?.createPolicy("studiolo", { createHTML: (html) => html });
let token = address.token;
let signIn: SignIn | null = null;
let early: EarlySocket | null = null;
let live: Promise<Live> | null = null;

document.documentElement.dataset.theme = new URLSearchParams(location.search).get("theme") ?? "system";

const boot: Boot = {
  config,
  root,
  signIn() {
    if (signIn === null) throw new Failure("unauthenticated", "Not signed in.");
    return signIn;
  },
  isSignedIn: () => signIn !== null,
  async refresh() {
    await ask(signIn?.frame ? { frame: signIn.frame } : {}, null);
    return boot.signIn();
  },
  async open(place, onProgress) {
    const body: Record<string, string> = { ...place };
    if (signIn === null && token !== null) body.auth_token = token;
    else if (signIn === null && address.frame !== null) body.frame = address.frame;
    const opened = await ask(body, signIn?.bearer ?? null, place, onProgress);
    if (opened === null) throw new Failure("unreachable", "The server ended its answer too soon.");
    return opened;
  },
  remember: keepPlace,
  onMessage(listener) {
    const previous = deliver;
    deliver = listener;
    for (const event of waiting.splice(0)) listener(event);
    return () => {
      deliver = previous;
    };
  },
  setHtml(element, html) {
    element.innerHTML = policy ? policy.createHTML(html) : html;
    paintColours(element);
  },
  showProgress: (stage) => showProgress(root, stage),
  showFailure: (failure, retry) => showFailure(root, failure, retry),
  takeSocket() {
    const taken = early;
    early = null;
    return taken;
  },
  takeTyped() {
    const taken = typed;
    typed = "";
    awaited = null;
    return taken;
  },
  takePress() {
    const taken = press;
    press = null;
    return taken;
  },
};

void go();
preload(); // after the first request: it shall have the connection that is open already

function preload(): void {
  for (const href of [config.assets.live, ...config.assets.preload]) {
    const link = document.createElement("link");
    link.rel = "modulepreload";
    link.href = href;
    document.head.append(link);
  }
}

async function go(): Promise<void> {
  showProgress(root, address.place ? "opening_document" : "signing_in");
  try {
    let opened: Opened | null = null;
    if (address.elsewhere === null && address.place) {
      opened = await boot.open(address.place, boot.showProgress);
    } else {
      await ask(token !== null ? { auth_token: token } : address.frame !== null ? { frame: address.frame } : {}, null);
    }
    if (address.elsewhere !== null) location.replace(address.elsewhere);
    else afterPaint(() => void startLive(opened));
  } catch (error) {
    const failure = asFailure(error);
    if (failure.code === "unauthenticated" && address.frame !== null) {
      address.frame = null; // this frame's sign-in is over; the visitor may have one of their own
      await go();
      return;
    }
    showFailure(root, failure, () => void go());
    void startLive(null, failure); // the host page may still ask, and open something else
  }
}

async function startLive(opened: Opened | null, failure?: Failure): Promise<void> {
  live ??= (import(/* @vite-ignore */ config.assets.live) as Promise<LiveModule>).then((code) => code.start(boot));
  try {
    (await live).show(opened, failure);
  } catch (error) {
    live = null;
    const again = el("button", "", "Try again");
    const bar = el("div", "notice error", "Editing could not be loaded. ", again);
    again.addEventListener("click", () => {
      bar.remove();
      void startLive(opened, failure);
    });
    root.prepend(bar);
    console.error("studiolo: the live code could not be loaded", error);
  }
}

async function ask(
  body: Record<string, string>,
  bearer: string | null,
  place?: Place,
  onProgress?: (stage: string) => void,
): Promise<Opened | null> {
  let opened: Opened | null = null;
  await openStream(body, bearer, (event) => {
    if (event.event === "signed_in") {
      take(event, place ?? null);
    } else if (event.event === "directory") {
      if (!config.isKiosk && live === null) location.replace(event.location); // later it is a host page that asks
      throw new Failure("is_directory", "This is a directory, not a document.");
    } else if (event.event === "progress") {
      onProgress?.(event.stage);
    } else if (event.event === "opened" && place) {
      const { kind, can_write, title, path } = event;
      opened = { kind, can_write, title, path, project_id: place.project_id, article: show(event.html, title) };
    }
  });
  return opened;
}

function take(signedIn: SignIn, place: Place | null): void {
  if (signIn === null && address.elsewhere === null) early = connectEarly(signedIn.bearer, place);
  signIn = { ...signedIn, frame: signedIn.frame ?? signIn?.frame ?? null };
  token = null;
  keepFrame(signedIn.frame);
}

function show(html: string, title: string): HTMLElement {
  const holder = el("div", "");
  boot.setHtml(holder, html);
  const article = holder.firstElementChild;
  if (!(article instanceof HTMLElement)) throw new Failure("internal_error", "The server sent an empty document.");
  document.title = title;
  const isBare = config.isKiosk || /[?&]fullscreen=project(&|$)/.test(location.search);
  root.replaceChildren(...(isBare ? [] : [topbar(title)]), article);
  return article;
}

function topbar(title: string): HTMLElement {
  const home = el("a", "home", "Studiolo");
  home.setAttribute("href", "/projects");
  if (isFramed) home.setAttribute("target", "_blank"); // it refuses to be framed
  return el("header", "topbar", home, el("span", "title", title));
}

function afterPaint(then: () => void): void {
  let isDone = false;
  const once = (): void => {
    if (!isDone) then();
    isDone = true;
  };
  requestAnimationFrame(() => setTimeout(once));
  setTimeout(once, 100); // a hidden page has no frames
}

function readConfig(): Config {
  const given: Record<string, unknown> = JSON.parse(document.getElementById("studiolo-config")?.textContent ?? "{}");
  return { ...(given as unknown as Config), isKiosk: given.is_kiosk === true };
}
