/** The IFrame: its address, and the element. */

export interface FrameOptions {
  /** Where Studiolo runs, such as `https://studiolo.example.edu`. */
  server: string;
  /** From the API call `user_auth`; good for signing one person in. */
  authToken: string;
  /** The document to show at once; without it the frame waits for `open`. */
  document?: { projectId: string; path: string };
  theme?: "light" | "dark";
}

/** Return the frame's address. The token leaves it as soon as the frame has loaded. */
export function frameUrl({ server, authToken, document, theme }: FrameOptions): string {
  const path = document?.path.split("/").map(encodeURIComponent).join("/");
  const url = new URL(document ? `/projects/${document.projectId}/files/${path}` : "/app", server);
  url.searchParams.set("auth_token", authToken);
  url.searchParams.set("fullscreen", "kiosk");
  if (theme) url.searchParams.set("theme", theme);
  return url.href;
}

/** Make the IFrame element; it loads once it is put into the page. */
export function makeFrame(options: FrameOptions): HTMLIFrameElement {
  const frame = document.createElement("iframe");
  frame.src = frameUrl(options);
  frame.title = options.document?.path ?? "Studiolo";
  frame.setAttribute("referrerpolicy", "no-referrer");
  frame.allow = "clipboard-read; clipboard-write";
  return frame;
}
