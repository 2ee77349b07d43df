// Everything a host page needs: send {action, ...} to the frame, listen for {status, ...} from it.
const { studiolo, project, path } = document.body.dataset;
const frame = document.getElementById("studiolo");
const log = document.getElementById("log");
const silent = document.getElementById("silent");
let hasAnswered = false;

function show(direction, message) {
  const line = document.createElement("li");
  line.className = direction;
  line.dataset.label = direction === "sent" ? "This page sent" : "The frame answered";
  line.textContent = JSON.stringify(message);
  log.prepend(line);
  document.getElementById("none").hidden = true;
}

function send(message) {
  show("sent", message);
  frame.contentWindow.postMessage(message, studiolo);
}

window.addEventListener("message", (event) => {
  if (event.origin !== studiolo || event.source !== frame.contentWindow) return;
  silent.hidden = hasAnswered = true;
  if (event.data.id !== FIRST_QUESTION) show("received", event.data);
});

// A frame that is not there cannot say so: ask it until it answers, and after a while help the reader.
const FIRST_QUESTION = "is anybody there?";
const startedAt = Date.now();
const asking = setInterval(() => {
  if (hasAnswered) return clearInterval(asking);
  silent.hidden = Date.now() - startedAt < 10_000;
  frame.contentWindow.postMessage({ action: "status", id: FIRST_QUESTION }, studiolo);
}, 500);

for (const button of document.querySelectorAll("button[data-action]")) {
  button.addEventListener("click", () => {
    const { action, path: file } = button.dataset;
    send(action === "open" ? { action, project_id: project, path: file ?? path } : { action });
  });
}

document.getElementById("here").textContent = location.origin;
