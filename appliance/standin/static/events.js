// One event stream for every tab of a browser: a SharedWorker holds it, and passes each event on to all pages.
// Where SharedWorker is missing, client.js does the same with a lock and a channel.
"use strict";

const ports = new Set();
const saved = {}; // of each file that browsers load, when it was saved
let last = null;
let source = null;
let pause = 1000; // ms

function open() {
  const opened = new EventSource("/__appliance__/events");
  source = opened;
  for (const name of ["state", "assets", "saved"]) {
    opened.addEventListener(name, (event) => pass({ name, data: event.data }));
  }
  opened.addEventListener("open", () => (pause = 1000));
  // A browser connects again by itself, but not after another answer than the stream: the appliance stops, or another
  // program has its port now.
  opened.addEventListener("error", () => {
    if (opened !== source || opened.readyState !== EventSource.CLOSED) return;
    setTimeout(() => opened === source && open(), pause);
    pause = Math.min(pause * 2, 30000);
  });
}

function pass(message) {
  if (message.name === "state") last = message;
  else if (message.name === "saved") Object.assign(saved, JSON.parse(message.data).paths);
  else {
    const { paths, at } = JSON.parse(message.data);
    for (const path of paths) saved[path] = at;
  }
  for (const port of ports) port.postMessage(message);
}

onconnect = (event) => {
  const port = event.ports[0];
  ports.add(port);
  port.onmessage = (message) => {
    if (message.data !== "leave") return;
    ports.delete(port);
    if (!ports.size && source) {
      source.close();
      source = null;
      last = null;
    }
  };
  if (last) port.postMessage(last);
  if (source) port.postMessage({ name: "saved", data: JSON.stringify({ paths: saved }) });
  if (!source) open();
};
