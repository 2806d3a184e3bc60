"""The script that runs a remedy on the page that shows the failure.

It shows the exact command or change, a button, the output live, and loads the page again once the project is served.
It gets what it shows, and the page's value, from the appliance's own pages. Where it can't run, each remedy is a link
to a page with the same button. Texts are never parsed as markup.
"""

REMEDY_SCRIPT = """
(() => {
  const PAGE = "/__appliance__/remedy";
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

  async function prepare(place) {
    const id = place.dataset.remedy;
    let told;
    try {
      const answer = await fetch(PAGE + "?id=" + encodeURIComponent(id), { headers, cache: "no-store" });
      if (!answer.ok) return; // not allowed here, or unknown: the link says so
      told = await answer.json();
      headers["X-Appliance-Page"] = told.page_value;
    } catch {
      return;
    }
    const part = { place, id, label: told.label, output: null, count: 0 };
    part.say = element("p");
    part.say.setAttribute("role", "status");
    const parts = [];
    if (told.why) parts.push(element("p", told.why));
    if (told.command) parts.push(block(told.command, "The command: " + told.label));
    else if (told.diff) parts.push(diff(told.diff, told.label));
    if (told.runs) {
      part.run = element("button", told.label);
      part.run.type = "button";
      part.run.addEventListener("click", () => press(part));
      part.stop = element("button", "Cancel");
      part.stop.type = "button";
      part.stop.hidden = true;
      part.stop.addEventListener("click", () => post("/cancel", id));
      parts.push(part.run, " ", part.stop);
    }
    place.replaceChildren(...parts, part.say);
    shown.set(id, part);
  }
  function post(end, id) {
    return fetch(PAGE + end, { method: "POST", headers, body: new URLSearchParams({ id }) });
  }
  async function press(part) {
    part.run.disabled = true;
    part.output?.remove();
    part.output = null;
    part.say.textContent = "Starting ...";
    await listen();
    try {
      const answer = await post("", part.id);
      if (!answer.ok) end(part, "It was refused: " + ((await answer.json()).title || answer.status));
    } catch {
      end(part, "The appliance does not answer.");
    }
  }
  function end(part, text) {
    part.say.textContent = text;
    part.run.disabled = false;
    part.stop.hidden = true;
  }

  function listen() {
    if (source) return Promise.resolve();
    return new Promise((open) => {
      source = new EventSource("/__appliance__/events");
      source.addEventListener("open", open);
      source.addEventListener("error", open);
      source.addEventListener("remedy", (event) => hear(JSON.parse(event.data)));
      source.addEventListener("state", (event) => state(JSON.parse(event.data)));
    });
  }
  let done = false;
  function hear({ remedy, state, lines, reason }) {
    const part = shown.get(remedy);
    if (!part) return;
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
"""
