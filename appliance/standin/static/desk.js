// The script of the desk's pages: times in the browser's zone, new requests as they come, and the keyboard.
"use strict";

const ROWS_MAX = 500;
const body = document.getElementById("requests");

function localTime(element) {
  const at = new Date(element.dateTime);
  if (Number.isNaN(at.getTime())) return;
  element.textContent = at.toLocaleTimeString([], { hour12: false });
  element.title = at.toLocaleString();
}
document.querySelectorAll("time").forEach(localTime);

function duration(seconds) {
  if (seconds === null) return "";
  if (seconds > 0 && seconds < 0.001) return `${(seconds * 1e6).toFixed(0)} µs`;
  if (seconds >= 1) return `${seconds.toFixed(2)} s`;
  return seconds < 0.1 ? `${(seconds * 1000).toFixed(1)} ms` : `${(seconds * 1000).toFixed(0)} ms`;
}

function size(count) {
  if (count === null) return "";
  if (count < 1024) return `${count} B`;
  return count < 1048576 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / 1048576).toFixed(1)} MiB`;
}

function cell(row, content, kind) {
  const made = row.insertCell();
  if (kind) made.className = kind;
  made.append(content === null ? "" : content);
}

function newRow(each) {
  const row = document.createElement("tr");
  row.dataset.id = each.id;
  row.className = "new";
  const time = document.createElement("time");
  time.dateTime = new Date(each.at * 1000).toISOString();
  localTime(time);
  const link = document.createElement("a");
  link.href = `/__appliance__/requests/${each.id}${live.dataset.query}`;
  const target = (each.path || "-") + (each.query ? `?${each.query}` : "");
  link.textContent = target.length > 200 ? `${target.slice(0, 200)}...` : target;
  const path = document.createDocumentFragment();
  path.append(link);
  if (each.replay_of !== null) {
    const mark = document.createElement("span");
    mark.className = "soft";
    mark.title = `It repeats request ${Number(each.replay_of)}`;
    mark.textContent = "sent again";
    path.append(" ", mark);
  }
  cell(row, time);
  cell(row, each.method);
  cell(row, path, "path");
  cell(row, String(each.status || each.event.split(".")[1]), `s${each.status ? Math.floor(each.status / 100) : 0}`);
  cell(row, duration(each.duration_s), "number");
  cell(row, String(each.queries || ""), "number");
  cell(row, size(each.size), "number");
  cell(row, each.generation === null ? "" : String(each.generation), "number");
  return row;
}

// A filter that is not set stays out of the URL, which is kept as a bookmark.
document.querySelector("form[role=search]")?.addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
});

const live = document.querySelector("[data-stream]");
if (live && body) {
  const source = new EventSource(live.dataset.stream);
  source.addEventListener("requests", (event) => {
    document.getElementById("empty")?.remove();
    body.prepend(...JSON.parse(event.data).map(newRow));
    while (body.rows.length > ROWS_MAX) body.deleteRow(-1);
  });
  addEventListener("pagehide", () => source.close());
}

function choose(step) {
  if (!body || !body.rows.length) return;
  const rows = [...body.rows];
  const now = rows.findIndex((row) => row.classList.contains("chosen"));
  const next = Math.min(Math.max(now + step, 0), rows.length - 1);
  if (now >= 0) rows[now].classList.remove("chosen");
  rows[next].classList.add("chosen");
  rows[next].querySelector("a").focus({ preventScroll: true });
  rows[next].scrollIntoView({ block: "nearest" });
}

// The same form as on the request's own page: the server asks first where the method is not safe.
function sendAgain() {
  const form = document.getElementById("again");
  const row = body.querySelector("tr.chosen");
  if (!form || !row) return;
  form.action = `/__appliance__/requests/${Number(row.dataset.id)}/replay`;
  form.submit();
}

// A part of a page that changes is replaced by the same part of the page as it is now: the server alone makes HTML.
// XMLHttpRequest parses a document without running it, which a policy with Trusted Types allows.
const changing = document.querySelector("[data-refresh]");
function refresh() {
  const again = () => setTimeout(refresh, changing.dataset.refresh * 1000);
  if (document.hidden || changing.querySelector("a:focus")) {
    again();
    return;
  }
  const request = new XMLHttpRequest();
  request.open("GET", location.href);
  request.setRequestHeader("Accept", "text/html");
  request.responseType = "document";
  request.onload = () => update(request.response?.querySelector("[data-refresh]"));
  request.onloadend = again;
  request.send();
}

// The elements that scroll and have the focus stay: rows and paragraphs are replaced.
function update(now) {
  const kept = (element) => [...element.querySelectorAll("tbody, [data-refresh] > p")];
  if (!now) return;
  const [before, after] = [kept(changing), kept(now)];
  const isSame = before.length === after.length && before.every((each, index) => each.tagName === after[index].tagName);
  if (isSame) after.forEach((each, index) => before[index].replaceChildren(...document.adoptNode(each).childNodes));
  else changing.replaceChildren(...document.adoptNode(now).childNodes); // a table in the place of "No request yet."
  changing.querySelectorAll("time").forEach(localTime);
}
if (changing) setTimeout(refresh, changing.dataset.refresh * 1000);

function openTab(step) {
  const tabs = [...document.querySelectorAll(".tabs a")];
  tabs[tabs.findIndex((tab) => tab.ariaCurrent) + step]?.click();
}

addEventListener("keydown", (event) => {
  const typing = event.target instanceof Element && event.target.closest("input, select, textarea");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    const search = document.getElementById("q");
    if (search) {
      search.focus();
      event.preventDefault();
    }
  } else if (event.key === "j" && body) choose(1);
  else if (event.key === "k" && body) choose(-1);
  else if (event.key === "r" && body) {
    if (!event.repeat) sendAgain(); // a key that is held down sends once
  } else if (event.key === "h") openTab(-1);
  else if (event.key === "l") openTab(1);
  else document.querySelector(`[data-key="${CSS.escape(event.key)}"]`)?.click();
});

for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const shown = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(shown.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(shown); // not allowed: the keyboard copies it
      button.textContent = "Selected";
    }
  });
}
