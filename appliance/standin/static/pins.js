// The script of the page of pinned requests, and of the page of one: it shows each run as it comes. Texts are never parsed as markup.
"use strict";

const STATES = {
  running: "It runs ...",
  first: "It has run once. The next save shows a difference.",
  same: "No difference.",
  changed: "It has changed.",
  checking: "It has changed. It runs once more, to leave out what differs anyway ...",
  "not run": "Not run",
};
const WHAT = { status: "Status", queries: "Queries", field: "Field", content: "Content" };

function made(name, text, kind) {
  const element = document.createElement(name);
  if (text) element.textContent = text;
  if (kind) element.className = kind;
  return element;
}

function counted(number, noun, plural = `${noun}s`) {
  return `${number} ${number === 1 ? noun : plural}`;
}

function region(element, label) {
  element.tabIndex = 0;
  element.setAttribute("role", "region");
  element.setAttribute("aria-label", label);
  return element;
}

function differenceTable(differences) {
  const table = made("table");
  table.append(made("caption", "The differences"));
  const head = table.createTHead().insertRow();
  for (const each of ["What", "Before", "Now"]) {
    const column = made("th", each);
    column.scope = "col";
    head.append(column);
  }
  const rows = table.createTBody();
  for (const each of differences) {
    const row = rows.insertRow();
    const what = made("th", [WHAT[each.what], each.name, each.path].filter(Boolean).join(" "));
    what.scope = "row";
    row.append(what, ...[each.before, each.after].map((value) => made("td", value === null ? "none" : value, "path")));
  }
  const scroll = region(made("div", "", "scroll"), "The differences");
  scroll.append(table);
  return scroll;
}

function differenceLines(each) {
  const label = `Content: ${counted(each.removed, "line")} removed, ${each.added} added`;
  const lines = region(made("pre", "", "diff"), label);
  for (const [kind, text] of each.lines) {
    const name = kind === "+" ? "ins" : kind === "-" ? "del" : "span";
    lines.append(made(name, kind + text, kind === "+" ? "l add" : kind === "-" ? "l del" : "l"));
  }
  return [made("h3", label), lines];
}

function facts(pin) {
  if (!pin.generation) return "";
  const found = [`Generation ${pin.generation}`, new Date(pin.at * 1000).toLocaleTimeString([], { hour12: false })];
  found.push(`status ${pin.status || "none"}`);
  if (pin.queries !== null) found.push(counted(pin.queries, "query", "queries"));
  if (pin.duration_s !== null) found.push(duration(pin.duration_s));
  return found.join(", ");
}

function notes(pin) {
  const found = [];
  if (pin.left_out.length) {
    const names = pin.left_out.join(", ");
    found.push(made("p", `Sent without what is known only masked since a restart: ${names}.`, "s4"));
  }
  if (pin.volatile.length) {
    const names = pin.volatile.join(", ");
    found.push(made("p", `Left out, because it differs from one response to the next: ${names}.`));
  }
  return found;
}

// The page of a request has a note of its own pin alone.
const note = document.getElementById("pin-note");
function showNote(pin) {
  if (pin.pin !== Number(note.dataset.pin)) return;
  if (pin.state === "unpinned") {
    location.reload();
    return;
  }
  if (pin.at < Number(note.dataset.at)) return;
  note.dataset.at = pin.at;
  note.querySelector(".state").textContent = STATES[pin.state] + (pin.reason ? `: ${pin.reason}` : "");
  note.querySelector(".facts").textContent = facts(pin);
  note.querySelector("a").textContent = pin.differences.length ? "The difference" : "Its runs";
}

function show(pin) {
  if (note) {
    showNote(pin);
    return;
  }
  const section = document.querySelector(`[data-pin="${Number(pin.pin)}"]`);
  if (!section || pin.state === "unpinned") {
    location.reload();
    return;
  }
  if (pin.at < Number(section.dataset.at)) return; // an answer that a newer event has overtaken
  section.dataset.at = pin.at;
  section.querySelector(".state").textContent = STATES[pin.state] + (pin.reason ? `: ${pin.reason}` : "");
  section.querySelector(".facts").textContent = facts(pin);
  const tabled = pin.differences.filter((each) => !each.lines);
  const shown = tabled.length ? [differenceTable(tabled)] : [];
  for (const each of pin.differences) if (each.lines) shown.push(...differenceLines(each));
  section.querySelector(".differences").replaceChildren(...shown);
  section.querySelector(".notes").replaceChildren(...notes(pin));
  section.dataset.generation = pin.generation;
}

const pinEvents = new EventSource("/__appliance__/events");
pinEvents.addEventListener("pin", (event) => show(JSON.parse(event.data)));
pinEvents.addEventListener("open", async () => {
  // A run that ended before the stream was open, or while it was broken, is in no event.
  const answer = await fetch("/__appliance__/pins", { headers: { Accept: "application/json" } });
  if (answer.ok) for (const each of (await answer.json()).pins) show(each);
});
addEventListener("pagehide", () => pinEvents.close());
