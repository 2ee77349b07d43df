import type { ChannelCommand, ChannelMessage, KernelState, NoticeLevel } from "@studiolo/protocol";
import { createDecoder, readVarUint, readVarUint8Array } from "lib0/decoding";
import { createEncoder, type Encoder, length, toUint8Array, writeVarUint, writeVarUint8Array } from "lib0/encoding";
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate, removeAwarenessStates } from "y-protocols/awareness";
import { readSyncMessage, writeSyncStep1, writeUpdate } from "y-protocols/sync";
import * as Y from "yjs";
import type { Place } from "../boot/boot.ts";
import type { ChannelSource, OpenChannel } from "../socket/socket.ts";
import { Disposables, Store } from "../store/store.ts";

/**
 * A live document: the shared data, who else is there, and what the project's agent says of it.
 *
 * 1. Edits made while the connection is away stay in the document and are sent when it is back.
 * 2. A room of another generation has other ids inside: merging would double the text. `onReplaced` says so instead.
 * 3. When updates came that cannot be applied yet, the whole state is asked for again.
 */

const SYNC = 0;
const AWARENESS = 1;
const SYNC_STEP_2 = 1;
const EMPTY_UPDATE_BYTES = 2;

export interface SessionState {
  isSynced: boolean;
  isConnected: boolean;
  canWrite: boolean;
  unacked: number;
  isSaved: boolean;
  kernel: KernelState;
  kernelName: string;
  closedReason: string | null;
}

export interface SessionEvents {
  onNotice(level: NoticeLevel, code: string, message: string): void;
  onInput(cellId: string, prompt: string, isPassword: boolean): void;
  onInputDone(cellId: string): void;
  /** The document was opened anew by the server; local edits that were not taken over are lost if there are any. */
  onReplaced(hasLostEdits: boolean): void;
}

export class DocumentSession {
  readonly doc = new Y.Doc();
  readonly awareness: Awareness;
  readonly state: Store<SessionState>;
  readonly #channel: OpenChannel;
  readonly #events: SessionEvents;
  readonly #disposables = new Disposables();
  #generation: string | null = null;
  #sent = 0;
  #resync = 0;

  constructor(socket: ChannelSource, place: Place, canWrite: boolean, events: SessionEvents) {
    this.#events = events;
    this.awareness = new Awareness(this.doc);
    this.state = new Store<SessionState>({
      isSynced: false,
      isConnected: false,
      canWrite,
      unacked: 0,
      isSaved: true,
      kernel: "none",
      kernelName: "",
      closedReason: null,
    });
    this.doc.on("update", this.#sendUpdate);
    this.awareness.on("update", this.#sendAwareness);
    this.#channel = socket.join(place, {
      onMessage: (message) => this.#receive(message),
      onBytes: (bytes) => this.#receiveBytes(bytes),
      onDown: () => this.#down(),
    });
    const goodbye = (): void => removeAwarenessStates(this.awareness, [this.doc.clientID], "local");
    addEventListener("pagehide", goodbye);
    this.#disposables.add(() => removeEventListener("pagehide", goodbye));
  }

  send(command: ChannelCommand): boolean {
    return this.#channel.send(command);
  }

  destroy(): void {
    clearTimeout(this.#resync);
    removeAwarenessStates(this.awareness, [this.doc.clientID], "local");
    this.#disposables.destroy();
    this.#channel.destroy();
    this.awareness.destroy();
    this.doc.destroy();
  }

  #receive(message: ChannelMessage): void {
    switch (message.type) {
      case "joined":
        this.#joined(message.generation, message.can_write, message.has_state);
        break;
      case "ack":
        this.state.set({ unacked: Math.max(0, this.#sent - message.count) });
        break;
      case "saved":
        this.state.set({ isSaved: message.is_saved });
        break;
      case "kernel":
        this.state.set({ kernel: message.state, kernelName: message.name });
        break;
      case "input":
        this.#events.onInput(message.cell_id, message.prompt, message.is_password);
        break;
      case "input_done":
        this.#events.onInputDone(message.cell_id);
        break;
      case "notice":
        this.#events.onNotice(message.level, message.code, message.message);
        break;
      case "closed":
      case "error":
        this.state.set({ isConnected: false, closedReason: message.message || "The document was closed." });
        break;
      case "progress":
        break;
    }
  }

  #joined(generation: string, canWrite: boolean, hasState: boolean): void {
    if (this.#generation !== null && this.#generation !== generation) {
      this.#events.onReplaced(this.state.value.unacked > 0);
      return;
    }
    this.#generation = generation;
    this.#sent = 0;
    this.state.set({ isConnected: true, canWrite, closedReason: null, unacked: 0 });
    if (!hasState) this.#sendStep1(); // else all there is follows
    if (this.awareness.getLocalState() !== null) this.#sendAwareness({ added: [this.doc.clientID] }, "local");
  }

  #down(): void {
    this.state.set({ isConnected: false });
    const others = [...this.awareness.getStates().keys()].filter((id) => id !== this.doc.clientID);
    removeAwarenessStates(this.awareness, others, "remote");
  }

  #sendStep1(): void {
    this.#channel.sendBytes(encoded(SYNC, (encoder) => writeSyncStep1(encoder, this.doc)));
  }

  #sendUpdate = (update: Uint8Array, origin: unknown): void => {
    if (origin === this) return;
    if (this.#channel.sendBytes(encoded(SYNC, (encoder) => writeUpdate(encoder, update)))) this.#sent++;
    this.state.set({ unacked: this.state.value.unacked + 1 });
  };

  #sendAwareness = (change: { added?: number[]; updated?: number[]; removed?: number[] }, origin: unknown): void => {
    if (origin === "remote") return;
    const clients = [...(change.added ?? []), ...(change.updated ?? []), ...(change.removed ?? [])];
    const update = encodeAwarenessUpdate(this.awareness, clients);
    this.#channel.sendBytes(encoded(AWARENESS, (encoder) => writeVarUint8Array(encoder, update)));
  };

  #receiveBytes(bytes: Uint8Array): void {
    const decoder = createDecoder(bytes);
    const kind = readVarUint(decoder);
    if (kind === AWARENESS) {
      applyAwarenessUpdate(this.awareness, readVarUint8Array(decoder), "remote");
      return;
    }
    if (kind !== SYNC) return;
    const encoder = createEncoder();
    writeVarUint(encoder, SYNC);
    const step = readSyncMessage(decoder, encoder, this.doc, this);
    if (length(encoder) > 1) this.#answerStep1(toUint8Array(encoder));
    if (step === SYNC_STEP_2) this.state.set({ isSynced: true });
    if (this.doc.store.pendingStructs !== null) this.#planResync();
  }

  /** Send what the room lacks; an answer without content is no update and is not acknowledged. */
  #answerStep1(answer: Uint8Array): void {
    if (!this.#channel.sendBytes(answer)) return;
    const isEmpty = answer.length <= 3 + EMPTY_UPDATE_BYTES;
    if (isEmpty || !this.state.value.canWrite) return;
    this.#sent++;
    this.state.set({ unacked: this.state.value.unacked + 1 });
  }

  #planResync(): void {
    clearTimeout(this.#resync);
    this.#resync = window.setTimeout(() => {
      if (this.doc.store.pendingStructs !== null) this.#sendStep1();
    }, 500);
  }
}

function encoded(kind: number, write: (encoder: Encoder) => void): Uint8Array {
  const encoder = createEncoder();
  writeVarUint(encoder, kind);
  write(encoder);
  return toUint8Array(encoder);
}
