import type { EarlySocket, Place } from "./boot.ts";

/**
 * Begin the one WebSocket while the document is still being opened, and join the document on it at once. The live code
 * takes it over (`socket/socket.ts`) with all that has come until then. `is_fresh`: we have nothing of the document, so
 * the whole of it is sent without being asked for.
 */
export function connectEarly(bearer: string, place: Place | null): EarlySocket {
  const url = new URL("/frame/socket", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url);
  const received: unknown[] = [];
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    socket.send(JSON.stringify({ type: "hello", bearer }));
    if (place !== null) socket.send(JSON.stringify({ type: "join", channel: 0, is_fresh: true, ...place }));
  };
  socket.onmessage = (event: MessageEvent<unknown>) => received.push(event.data);
  return { socket, place, received };
}
