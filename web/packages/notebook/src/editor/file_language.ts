const EXTENSIONS: Record<string, string> = {
  py: "python",
  md: "markdown",
  markdown: "markdown",
  json: "json",
  ipynb: "json",
  js: "javascript",
  mjs: "javascript",
  ts: "typescript",
  r: "r",
  jl: "julia",
  sh: "bash",
  bash: "bash",
  tex: "latex",
  sty: "latex",
  yml: "yaml",
  yaml: "yaml",
  toml: "toml",
  c: "c",
  h: "c",
  cpp: "cpp",
  cc: "cpp",
  hpp: "cpp",
  java: "java",
};

/** The language of a file, by its name; empty for plain text. */
export function fileLanguage(path: string): string {
  return EXTENSIONS[/\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? ""] ?? "";
}
