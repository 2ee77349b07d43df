export * from "./guards.ts";
export * from "./messages.ts";
export * from "./origins.ts";
export * from "./socket.ts";
