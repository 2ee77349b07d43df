import type { Boot } from "../boot/boot.ts";
import type { RemoteRenderer } from "../outputs/remote.ts";
import type { References } from "./references.ts";
import type { DocumentSession } from "./session.ts";

/** What every part of an open document needs. */
export interface Shared {
  readonly boot: Boot;
  readonly session: DocumentSession;
  readonly renderer: RemoteRenderer;
  readonly references: References;
  /** Kernel language of the notebook, or the language of a file. */
  readonly language: string;
  notify(level: "info" | "warning" | "error", text: string, action?: { label: string; run(): void }): void;
}
