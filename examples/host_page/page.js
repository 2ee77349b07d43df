// Everything a host page needs: send {action, ...} to the frame, listen for {status, ...} from it.
const { studiolo, project, path } = document.body.dataset;
const frame = document.getElementById("studiolo");
const log = document.getElementById("log");

function show(direction, message) {
  const line = document.createElement("li");
  line.className = direction;
  line.textContent = JSON.stringify(message);
  log.prepend(line);
}

function send(message) {
  show("sent", message);
  frame.contentWindow.postMessage(message, studiolo);
}

window.addEventListener("message", (event) => {
  if (event.origin !== studiolo || event.source !== frame.contentWindow) return;
  show("received", event.data);
});

for (const button of document.querySelectorAll("button[data-action]")) {
  button.addEventListener("click", () => {
    const { action, path: file } = button.dataset;
    send(action === "open" ? { action, project_id: project, path: file ?? path } : { action });
  });
}

document.getElementById("here").textContent = location.origin;
