"""The only script of a page: it waits until the page has changed, and copies the text for an assistant.

A page contains it as it is, so that its hash in the Content-Security-Policy stays true (``content_policy``); what
differs is in attributes. Without it, a page can be read, its text selected, and it refreshes itself every two seconds.
"""

# The stand-in answers when the page has changed, or "same" before a proxy's timeout. A worker gives any other answer.
SCRIPT = """
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
  const version = document.documentElement.dataset.version;
  if (version === undefined) return;
  const wait = async () => {
    for (;;) {
      try {
        const answer = await fetch("/__appliance__/wait?version=" + encodeURIComponent(version), {cache: "no-store"});
        if (answer.headers.get("X-Appliance-Wait") !== "same") { location.reload(); return }
      } catch { await new Promise(later => setTimeout(later, 1000)) }
    }
  };
  wait();
})();
"""
