/**
 * Build the front end into src/studiolo/web/static: hashed files with .br and .gz beside them, Vite's manifest, and
 * shell.json, which says what the hub puts into the shell page. Prints the sizes and fails when one is over its budget.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const web = import.meta.dirname;
const target = join(web, "../src/studiolo/web/static");
const out = join(web, "node_modules/.studiolo-build"); // takes the old build's place only once it is complete
const KIB = 1024;
const FIRST_REQUESTS = 3; // the page, POST /frame/open, the socket
const SHELL_QUALITY = 5; // as src/studiolo/web/encodings.py compresses it
// a notebook of 20 cells, as bench/kiosk_open.py measures it: page and stream without script, shared state, headers
const DOCUMENT = 2.5 * KIB + 9 * KIB + 3 * KIB;
const BUDGETS = {
  "boot script": 5 * KIB,
  "first CSS": 6 * KIB,
  "until typing": 150 * KIB,
  "requests until typing": 12,
};

for (const build of ["main", "boot"]) {
  execFileSync(process.execPath, [join(web, "node_modules/vite/bin/vite.js"), "build", "--logLevel", "warn"], {
    cwd: web,
    stdio: "inherit",
    env: { ...process.env, STUDIOLO_BUILD: build },
  });
}

const manifest = readJson("manifest.json");
const boot = Object.values(readJson("boot-manifest.json")).find((entry) => entry.isEntry).file;
rmSync(join(out, "boot-manifest.json"));
const live = manifest["src/live.ts"];
const typing = closure(["src/live.ts", keyOf((key) => key === "src/editor/editor.ts")]); // languages come later
const css = manifest["src/styles/first.css"].file;
copyFileSync(join(web, "packages/notebook/output.html"), join(out, "output.html"));
writeFileSync(
  join(out, "shell.json"),
  JSON.stringify({
    boot,
    css,
    output_page: "output.html",
    pages_css: `/assets/${manifest[keyOf((key) => key.endsWith("/pages.css"))].file}`,
    assets: {
      live: `/assets/${live.file}`,
      preload: typing.filter((file) => file.endsWith(".js") && file !== live.file).map((file) => `/assets/${file}`),
    },
  }),
);

const sizes = new Map();
for (const file of readdirSync(out)) {
  if (!/\.(js|css|svg|json|html)$/.test(file)) continue;
  const content = readFileSync(join(out, file));
  const packed = brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  sizes.set(file, packed.length);
  writeFileSync(join(out, `${file}.br`), packed);
  writeFileSync(join(out, `${file}.gz`), gzipSync(content, { level: 9 }));
}

const quickly = (file) =>
  brotliCompressSync(readFileSync(join(out, file)), {
    params: { [constants.BROTLI_PARAM_QUALITY]: SHELL_QUALITY },
  }).length;
const sum = (files) => files.reduce((total, file) => total + sizes.get(file), 0);
const measured = {
  "boot script": sizes.get(boot),
  "first CSS": sizes.get(css),
  "until typing": quickly(boot) + quickly(css) + sum(typing) + DOCUMENT,
  "requests until typing": FIRST_REQUESTS + typing.length,
};
const show = (name, value) => (name.startsWith("requests") ? String(value) : `${(value / KIB).toFixed(1)} KiB br`);
for (const file of typing) console.log(`  ${file.padEnd(36)} ${show("", sizes.get(file)).padStart(14)}`);
let isOver = false;
for (const [name, budget] of Object.entries(BUDGETS)) {
  const holds = measured[name] <= budget;
  isOver ||= !holds;
  console.log(
    `${holds ? "ok  " : "OVER"} ${name.padEnd(33)} ${show(name, measured[name]).padStart(14)}  of ${show(name, budget)}`,
  );
}
if (isOver) {
  console.error("The build is over its budget.");
  process.exit(1);
}

const old = join(web, "node_modules/.studiolo-old");
rmSync(old, { recursive: true, force: true });
try {
  renameSync(target, old);
} catch (error) {
  if (error.code !== "ENOENT") throw error;
}
renameSync(out, target);

function readJson(name) {
  return JSON.parse(readFileSync(join(out, name), "utf8"));
}

function keyOf(test) {
  const key = Object.keys(manifest).find(test);
  if (key === undefined) throw new Error("the build lacks an expected file");
  return key;
}

/** The files that are fetched for these modules, with everything they import. */
function closure(keys) {
  const seen = new Set();
  const files = new Set();
  const visit = (key) => {
    if (seen.has(key)) return;
    seen.add(key);
    const entry = manifest[key];
    files.add(entry.file);
    for (const style of entry.css ?? []) files.add(style);
    for (const needed of entry.imports ?? []) visit(needed);
  };
  for (const key of keys) visit(key);
  return [...files];
}
