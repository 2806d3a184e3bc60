"""The only script of a page: it waits until the page has changed, copies the text for an assistant, and runs remedies.

A page contains it as it is, so that its hash in the Content-Security-Policy stays true (``content_policy``); what
differs is in attributes. Without it, a page can be read, its text selected, and it refreshes itself every two seconds.
"""

from ....conventions import OWN_PAGES
from ..live_parts.remedy_script import REMEDY_SCRIPT

# The stand-in answers when the page has changed, or "same" before a proxy's timeout. A worker gives any other answer.
# While something is under way, the answer is the new page as JSON, which is shown in place.
SCRIPT = (
    """
(() => {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const area = document.getElementById(button.dataset.copy);
    button.hidden = false;
    button.addEventListener("click", async () => {
      try { await navigator.clipboard.writeText(area.value) }
      catch { area.closest("details").open = true; area.select(); document.execCommand("copy") }
      button.textContent = "Copied";
    });
  }
  let version = document.documentElement.dataset.version;
  if (version === undefined) return;
  const elapsed = document.documentElement.dataset.elapsed, part = name => document.getElementById("appliance-" + name);
  const say = (name, words) => {
    const element = part(name);
    if (element.textContent !== words) { element.textContent = words; element.hidden = !words }
  };
  let seconds = Number(elapsed), since = Date.now();
  const tick = () => {
    const now = Math.floor(seconds + (Date.now() - since) / 1000);
    say("time", now > 1 ? now + " s so far" : "");
  };
  const update = page => {
    version = page.version; seconds = page.progress.elapsed_s; since = Date.now();
    document.title = page.title;
    for (const name of ["title", "lead", "details"]) say(name, page[name]);
    const bar = part("progress"), total = page.progress.total;
    bar.hidden = !total; part("strip").hidden = Boolean(total);
    const facts = part("facts"), rows = page.progress.facts || [];
    facts.hidden = !rows.length;
    facts.replaceChildren(...rows.flatMap(pair => pair.map((words, index) => {
      const element = document.createElement(index ? "dd" : "dt");
      element.textContent = words;
      return element;
    })));
    if (total) { bar.max = total; bar.value = page.progress.done }
    tick();
  };
  if (elapsed !== undefined) setInterval(tick, 1000);
  const headers = elapsed === undefined ? {} : {Accept: "application/json"};
  const wait = async () => {
    for (;;) {
      try {
        const options = {cache: "no-store", headers};
        const answer = await fetch("OWN_PAGES/wait?version=" + encodeURIComponent(version), options);
        const state = answer.headers.get("X-Appliance-Wait");
        if (state === "progress") update(await answer.json());
        else if (state !== "same") { location.reload(); return }
      } catch { await new Promise(later => setTimeout(later, 1000)) }
    }
  };
  wait();
})();
""".replace("OWN_PAGES", OWN_PAGES)
    + REMEDY_SCRIPT
)
