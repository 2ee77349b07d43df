import type { LanguageSupport, StreamParser } from "@codemirror/language";

/**
 * Languages, each loaded when it is first met and the page is calm: they are a sixth of all script, and the first
 * letters typed must not wait for the means to colour them.
 */

const QUIET_MS = 300;
const LONGEST_MS = 3000;

const legacy = async (parser: Promise<StreamParser<unknown>>): Promise<LanguageSupport> => {
  const { legacyLanguage } = await import("./legacy.ts");
  return legacyLanguage(await parser);
};

const clike = (name: "c" | "cpp" | "java"): Promise<LanguageSupport> =>
  legacy(import("@codemirror/legacy-modes/mode/clike").then((mode) => mode[name]));
const javascript = (): Promise<LanguageSupport> =>
  import("@codemirror/lang-javascript").then((mode) => mode.javascript({ typescript: true }));

const LOADERS: Record<string, () => Promise<LanguageSupport>> = {
  python: () => import("./python.ts").then((mode) => mode.python),
  markdown: () => import("@codemirror/lang-markdown").then((mode) => mode.markdown()),
  json: () => import("@codemirror/lang-json").then((mode) => mode.json()),
  javascript,
  typescript: javascript,
  r: () => legacy(import("@codemirror/legacy-modes/mode/r").then((mode) => mode.r)),
  julia: () => legacy(import("@codemirror/legacy-modes/mode/julia").then((mode) => mode.julia)),
  bash: () => legacy(import("@codemirror/legacy-modes/mode/shell").then((mode) => mode.shell)),
  latex: () => legacy(import("@codemirror/legacy-modes/mode/stex").then((mode) => mode.stex)),
  yaml: () => legacy(import("@codemirror/legacy-modes/mode/yaml").then((mode) => mode.yaml)),
  toml: () => legacy(import("@codemirror/legacy-modes/mode/toml").then((mode) => mode.toml)),
  c: () => clike("c"),
  cpp: () => clike("cpp"),
  java: () => clike("java"),
};

const loaded = new Map<string, Promise<LanguageSupport | null>>();

/** Load a language by its name; null for one that is edited as plain text. */
export function languageOf(name: string): Promise<LanguageSupport | null> {
  const known = loaded.get(name);
  if (known !== undefined) return known;
  const load = Object.hasOwn(LOADERS, name) ? LOADERS[name] : undefined;
  const loading =
    load === undefined
      ? Promise.resolve(null)
      : calm()
          .then(load)
          .catch(() => null);
  loaded.set(name, loading);
  return loading;
}

/** Wait until nobody has pressed or typed for a moment, though not for ever. */
function calm(): Promise<void> {
  const began = performance.now();
  return new Promise((resolve) => {
    let timer = 0;
    const wait = (): void => {
      clearTimeout(timer);
      timer = window.setTimeout(finish, performance.now() - began < LONGEST_MS ? QUIET_MS : 0);
    };
    const finish = (): void => {
      for (const type of ["pointerdown", "keydown"]) removeEventListener(type, wait, true);
      resolve();
    };
    for (const type of ["pointerdown", "keydown"]) addEventListener(type, wait, true);
    wait();
  });
}
