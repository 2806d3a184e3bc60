"""The script that runs a remedy on the page that shows the failure.

It shows the exact command or change, a button, the output live, and loads the page again once the project is served.
It gets what it shows, and the page's value, from the appliance's own pages. If it can't run, each remedy is a link
to a page with the same button. Texts are never parsed as markup.
"""

from ....conventions import OWN_PAGES

REMEDY_SCRIPT = """
(() => {
  const PAGE = "OWN_PAGES/remedy";
  const headers = { Accept: "application/json" };
  const LINES = 500;
  let source = null;
  const shown = new Map(); // id to what is on the page for it

  function element(name, text, role) {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    if (role) made.setAttribute("aria-label", role);
    return made;
  }
  function block(text, role) {
    const made = element("pre", text, role);
    made.tabIndex = 0;
    made.setAttribute("role", "region");
    made.style.overflow = "auto";
    made.style.maxHeight = "24rem";
    return made;
  }
  function diff(text, label) {
    const made = block("", "The change: " + label);
    made.className = "diff";
    for (const line of text.split("\\n")) {
      const part = element(line[0] === "+" ? "ins" : line[0] === "-" ? "del" : "span", line || " ");
      part.className = line[0] === "+" ? "l add" : line[0] === "-" ? "l del" : "l";
      made.append(part);
    }
    return made;
  }

  async function ask(id) {
    try {
      const answer = await fetch(PAGE + "?id=" + encodeURIComponent(id), { headers, cache: "no-store" });
      if (!answer.ok) return null; // not allowed here, or unknown: the link says so
      const remedy = await answer.json();
      headers["X-Appliance-Page"] = remedy.page_value;
      return remedy.id ? remedy : null;
    } catch {
      return null;
    }
  }
  function what(remedy) {
    const shown = element("div");
    if (remedy.why) shown.append(element("p", remedy.why));
    if (remedy.command) shown.append(block(remedy.command, "The command: " + remedy.label));
    else if (remedy.diff) shown.append(diff(remedy.diff, remedy.label));
    return shown;
  }

  async function prepare(place) {
    const id = place.dataset.remedy;
    const remedy = await ask(id);
    if (!remedy) return;
    const part = { place, id, label: remedy.label, shown: remedy.shown, output: null, count: 0, runs: false };
    part.say = element("p");
    part.say.setAttribute("role", "status");
    part.what = what(remedy);
    const parts = [part.what];
    if (remedy.runs) {
      part.run = element("button", remedy.label);
      part.run.type = "button";
      part.run.addEventListener("click", () => press(part));
      part.stop = element("button", "Cancel");
      part.stop.type = "button";
      part.stop.hidden = true;
      part.stop.addEventListener("click", () => post("/cancel", part));
      parts.push(part.run, " ", part.stop);
    }
    place.replaceChildren(...parts, part.say);
    shown.set(id, part);
  }
  function post(end, { id, shown }) {
    return fetch(PAGE + end, { method: "POST", headers, body: new URLSearchParams({ id, shown }) });
  }
  // A file was saved, or the change could not be made: show what the button would do now.
  async function renew(part) {
    if (part.runs || done) return;
    const remedy = await ask(part.id);
    if (!remedy || remedy.shown === part.shown || part.runs) return;
    part.shown = remedy.shown;
    const now = what(remedy);
    part.what.replaceWith(now);
    part.what = now;
    part.say.textContent = (part.say.textContent + " This is what it would do now.").trim();
  }
  async function press(part) {
    part.run.disabled = part.runs = true;
    part.output?.remove();
    part.output = null;
    part.say.textContent = "Starting ...";
    await listen();
    try {
      const answer = await post("", part);
      if (!answer.ok) end(part, "It was refused: " + ((await answer.json()).title || answer.status));
    } catch {
      end(part, "The appliance does not answer.");
    }
  }
  function end(part, text) {
    part.say.textContent = text;
    part.run.disabled = part.runs = false;
    part.stop.hidden = true;
    if (!done) renew(part);
  }

  function listen() {
    if (source) return Promise.resolve();
    return new Promise((open) => {
      source = new EventSource("OWN_PAGES/events");
      source.addEventListener("open", open);
      source.addEventListener("error", open);
      source.addEventListener("remedies", () => shown.forEach(renew));
      source.addEventListener("remedy", (event) => hear(JSON.parse(event.data)));
      source.addEventListener("state", (event) => state(JSON.parse(event.data)));
    });
  }
  let done = false;
  function hear({ remedy, state, lines, reason }) {
    const part = shown.get(remedy);
    if (!part?.run) return;
    if (lines.length) {
      if (!part.output) {
        part.output = block("", "Output: " + part.label);
        part.place.append(part.output);
      }
      for (const line of lines) {
        part.output.append(document.createTextNode(line + "\\n"));
        if (++part.count > LINES) part.output.firstChild.remove();
      }
      part.output.scrollTop = part.output.scrollHeight;
    }
    if (state === "running") {
      part.run.disabled = part.runs = true; // in another tab, perhaps
      part.say.textContent = "Running ...";
      part.stop.hidden = false;
    } else if (state === "done") {
      done = true;
      end(part, "Done. The project starts again ...");
      part.run.disabled = true;
    } else end(part, (state === "refused" ? "It was refused: " : "It failed: ") + reason);
  }
  // The first state after the end is that of a reload under way; then a worker serves, or the page is another.
  let left = false;
  function state({ generation, page }) {
    if (done && !left && (generation || page) && started !== generation + "|" + JSON.stringify(page)) {
      left = true;
      location.reload();
    }
    if (!done) started = generation + "|" + JSON.stringify(page);
  }
  let started = "";

  for (const place of document.querySelectorAll(".appliance-remedy[data-remedy]")) prepare(place);
})();
""".replace("OWN_PAGES", OWN_PAGES)
