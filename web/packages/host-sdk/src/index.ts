export type { FrameEvent, StatusDone, Theme } from "@studiolo/protocol";
export { connect, type Studiolo, StudioloError } from "./connect.ts";
export { type FrameOptions, frameUrl, makeFrame } from "./frame.ts";
