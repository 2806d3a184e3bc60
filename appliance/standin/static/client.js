// Live reload: the page follows the code. Added by the appliance to documents that a browser navigates to; not a part of the
// project. The page is loaded again when a newer generation serves, keeps its scroll position and what was typed; styles and
// images are swapped in place; what is broken is shown over the page. No markup is parsed: pages with Trusted Types work.
"use strict";

(() => {
  const script = document.currentScript;
  const served = Number(script.dataset.generation);
  const servedRevision = Number(script.dataset.revision); // of this generation's templates
  const pageValue = "{page-value}";
  // Asked when it is needed: a script of the page may change the address without a load.
  const keyHere = (name) => name + " " + location.pathname + location.search;
  const MOST_ERRORS = 50;
  let overlay = null;
  let version = 0;

  // -- what the page says --------------------------------------------------------------------------------------------------

  let told = 0;
  function tell(kind, text, place) {
    if (told++ >= MOST_ERRORS) return;
    const body = JSON.stringify({ kind, text: String(text).slice(0, 4000), place, page: location.href });
    const headers = { "Content-Type": "application/json", "X-Appliance-Page": pageValue };
    fetch("/__appliance__/browser-error", { method: "POST", body, headers, keepalive: true }).catch(() => {});
  }
  addEventListener("error", (event) => {
    if (!event.message) return; // an image or a script that did not load: its request is in the log
    const place = [event.filename, event.lineno, event.colno].filter(Boolean).join(":");
    tell("error", (event.error && event.error.stack) || event.message, place);
  });
  addEventListener("unhandledrejection", (event) => {
    const reason = event.reason;
    tell("unhandledrejection", (reason && reason.stack) || reason, "");
  });
  const usual = console.error;
  console.error = function (...words) {
    usual.apply(this, words);
    tell("console.error", words.map((word) => (word && word.stack) || described(word)).join(" "), "");
  };
  function described(word) {
    if (typeof word !== "object" || word === null) return String(word);
    try {
      return JSON.stringify(word);
    } catch {
      return Object.prototype.toString.call(word);
    }
  }

  // -- what survives a reload ----------------------------------------------------------------------------------------------

  function fields() {
    const kinds = "input:not([type=password]):not([type=file]):not([type=hidden]):not([type=submit]), textarea, select";
    return [...document.querySelectorAll(kinds)];
  }
  function keyOf(field, count) {
    const key = [field.form ? [...document.forms].indexOf(field.form) : "", field.id, field.name, field.type].join("|");
    count[key] = (count[key] || 0) + 1;
    return key + "|" + count[key];
  }
  function valueOf(field) {
    if (/^(?:checkbox|radio)$/.test(field.type)) return field.checked === field.defaultChecked ? null : field.checked;
    if (field instanceof HTMLSelectElement) {
      const chosen = [...field.options].map((option) => option.selected);
      return [...field.options].every((option) => option.selected === option.defaultSelected) ? null : chosen;
    }
    return field.value === field.defaultValue ? null : field.value;
  }
  function keep() {
    const count = {};
    const typed = {};
    for (const field of fields()) {
      const key = keyOf(field, count);
      const value = valueOf(field);
      if (value !== null) typed[key] = value;
    }
    const kept = { x: scrollX, y: scrollY, typed, focus: document.activeElement?.id };
    try {
      sessionStorage.setItem(keyHere("__appliance__"), JSON.stringify(kept));
    } catch {
      // full, or forbidden: the page is loaded all the same
    }
  }
  function restore() {
    let kept = null;
    try {
      kept = JSON.parse(sessionStorage.getItem(keyHere("__appliance__")));
      sessionStorage.removeItem(keyHere("__appliance__"));
    } catch {
      return;
    }
    if (!kept) return;
    const count = {};
    for (const field of fields()) {
      const value = kept.typed[keyOf(field, count)];
      if (value === undefined) continue;
      if (typeof value === "boolean") field.checked = value;
      else if (Array.isArray(value)) [...field.options].forEach((option, index) => (option.selected = !!value[index]));
      else field.value = value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
    if (kept.focus) document.getElementById(kept.focus)?.focus({ preventScroll: true });
    scrollTo({ left: kept.x, top: kept.y, behavior: "instant" });
  }
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", restore);
  else restore();

  // -- what is changed in place --------------------------------------------------------------------------------------------

  function fresh(address) {
    const url = new URL(address, document.baseURI);
    url.searchParams.set("appliance", String(++version) + "-" + served);
    return url.href;
  }
  function isOf(address, file) {
    const url = new URL(address, document.baseURI);
    try {
      return url.origin === location.origin && decodeURIComponent(url.pathname).split("/").pop() === file.split("/").pop();
    } catch {
      return false; // a percent sign that encodes nothing: "/100%.png"
    }
  }
  // A browser may show a file from its cache without asking, for a tenth of the file's age (RFC 9111, 4.2.2) or as long as its
  // response said. So the cache gets the new file too: without that, the next load of the page would show the old one again.
  function loaded(files) {
    const entries = performance.getEntriesByType("resource");
    return entries.filter((entry) => !entry.name.includes("appliance=") && files.some((file) => isOf(entry.name, file)));
  }
  function refresh(files) {
    const addresses = new Set(loaded(files).map((entry) => entry.name));
    return Promise.allSettled([...addresses].map((address) => fetch(address, { cache: "reload" })));
  }
  const REFRESHED = "__appliance__ refreshed";
  function refreshedAt() {
    try {
      return JSON.parse(localStorage.getItem(REFRESHED)) || {};
    } catch {
      return {};
    }
  }
  function note(paths, at) {
    const noted = refreshedAt();
    for (const path of paths) noted[path] = at;
    try {
      localStorage.setItem(REFRESHED, JSON.stringify(noted));
      return true;
    } catch {
      return false; // full, or forbidden
    }
  }
  // Files that were saved before this page listened: it has loaded them earlier, or from the cache.
  function saved({ paths }) {
    const known = refreshedAt();
    const isOld = (path) =>
      loaded([path]).some((entry) => {
        if (performance.timeOrigin + entry.startTime <= paths[path]) return true;
        return paths[path] > (known[path] || 0) && !entry.transferSize && entry.decodedBodySize;
      });
    const old = Object.keys(paths).filter(isOld);
    if (!old.length) return;
    const at = Math.max(...old.map((path) => paths[path]));
    if (note(old, at)) assets({ paths: old, at }); // else this page could be loaded again and again
  }
  function swapStyles(files) {
    const links = [...document.querySelectorAll('link[rel~="stylesheet"][href]')];
    const own = links.filter((link) => new URL(link.href, document.baseURI).origin === location.origin);
    const named = own.filter((link) => files.some((file) => isOf(link.href, file)));
    const refreshed = refresh(files);
    if (named.length) named.forEach(swapStyle);
    else refreshed.then(() => own.forEach(swapStyle)); // one of them imports it, or shows it
  }
  function swapStyle(link) {
    if (link.integrity) return loadAgain(); // the document names the hash of the old file
    const next = link.cloneNode();
    next.href = fresh(link.href);
    next.addEventListener("load", () => link.remove());
    next.addEventListener("error", () => next.remove());
    link.after(next);
  }
  function swapImages(files) {
    const uses = loaded(files).map((entry) => entry.initiatorType);
    let isSwapped = uses.every((use) => use === "img" || use === "css" || use === "link");
    for (const image of document.querySelectorAll("img")) {
      if (!files.some((file) => isOf(image.currentSrc || image.src, file))) continue;
      if (image.srcset || image.closest("picture")) isSwapped = false; // one of several sources: the browser chooses
      else image.src = fresh(image.src);
    }
    if (!isSwapped) refresh(files).then(loadAgain);
    else if (!uses.length || uses.includes("css")) swapStyles(files);
    else refresh(files);
  }
  const IMAGE = /\.(?:png|jpe?g|gif|webp|avif|svg|ico)$/i;
  const STYLE_PART = /\.(?:css|woff2?)$/i;
  function assets({ paths, at }) {
    note(paths.filter((path) => loaded([path]).length), at);
    const images = paths.filter((path) => IMAGE.test(path));
    const styles = paths.filter((path) => STYLE_PART.test(path));
    if (images.length + styles.length < paths.length) {
      refresh(paths).then(loadAgain); // a script, a page: what it has done can't be undone
    } else {
      if (images.length) swapImages(images);
      if (styles.length) swapStyles(styles);
    }
  }

  // -- what is broken ------------------------------------------------------------------------------------------------------

  const STYLE = `
    :host { all: initial; --paper: #f6f6f3; --card: #fff; --ink: #1b1e24; --soft: #565e6c; --line: #dbdbd4; --accent: #b42318;
      --here: #fff1ec; --mark: #ffc9bd; --link: #1f5fa8; }
    @media (prefers-color-scheme: dark) { :host { --paper: #14161a; --card: #1c1f25; --ink: #e8e7e4; --soft: #a6afbc;
      --line: #363b45; --accent: #ff9d8f; --here: #332524; --mark: #7a3327; --link: #8fc1f5; } }
    dialog { width: 100%; height: 100%; max-width: none; max-height: none; margin: 0; border: 0; overflow: auto;
      padding: 4vh 16px; box-sizing: border-box; background: rgb(0 0 0 / 60%); font: 16px/1.55 system-ui, sans-serif;
      color: var(--ink); }
    main { max-width: 60rem; margin: 0 auto; padding: 1.2rem 1.25rem; background: var(--paper); border-radius: 6px;
      border-top: 4px solid var(--accent); }
    h1 { margin: 0 0 .5rem; font-size: 1.3rem; line-height: 1.3; overflow-wrap: anywhere; }
    .kind { color: var(--accent); }
    p { margin: .5rem 0; overflow-wrap: anywhere; white-space: pre-wrap; }
    .lead { color: var(--soft); }
    .place, pre { font: .86rem/1.55 ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
    .place { font-weight: 600; }
    .action { padding: .7rem .9rem; background: var(--card); border: 1px solid var(--line); border-radius: 6px;
      border-left: 4px solid var(--accent); }
    pre { margin: .8rem 0; padding: .5rem .9rem; overflow: auto; background: var(--card); border: 1px solid var(--line);
      border-radius: 6px; }
    pre.source { padding: .5rem 0; }
    .source span { display: block; min-width: max-content; padding-right: .9rem; }
    .source span::before { content: attr(data-n); display: inline-block; width: 3.4em; padding-right: 1em; text-align: right;
      color: var(--soft); }
    .source .here { background: var(--here); box-shadow: inset 4px 0 var(--accent); font-weight: 600; }
    mark { background: var(--mark); color: inherit; border-bottom: 2px solid var(--accent); }
    a { color: var(--link); text-underline-offset: .15em; }
    button { font: inherit; font-size: .92rem; padding: .35rem .9rem; color: var(--ink); background: var(--card);
      border: 1px solid var(--soft); border-radius: 6px; cursor: pointer; }
    :focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }`;
  function element(name, text, kind) {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  }
  function sourceOf(lines) {
    const source = element("pre", "", "source");
    source.tabIndex = 0;
    source.setAttribute("role", "region");
    source.setAttribute("aria-label", "The source");
    for (const [number, text, isPlace, columns] of lines) {
      const [first, last] = columns || [0, 0];
      const line = element("span", "", isPlace ? "here" : "");
      line.dataset.n = number;
      line.append(text.slice(0, first));
      if (last > first) line.append(element("mark", text.slice(first, last)));
      line.append(text.slice(last) || " ");
      source.append(line);
    }
    return source;
  }
  function linkTo(address, text) {
    const line = element("p");
    line.append(element("a", text));
    line.firstChild.href = address;
    return line;
  }
  function show(page) {
    hide();
    overlay = element("appliance-error");
    const root = overlay.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet(); // no <style>: a strict policy forbids it
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const dialog = element("dialog"); // a modal one: it lies over those of the page, and keeps the keyboard
    const shown = overlay;
    dialog.setAttribute("aria-labelledby", "title");
    dialog.addEventListener("close", () => shown === overlay && hide());
    const main = element("main");
    const title = element("h1");
    title.append(element("span", page.kind, "kind"), page.title.slice(page.kind.length));
    title.id = "title";
    main.append(title);
    if (page.lead) main.append(element("p", page.lead, "lead"));
    if (page.place) main.append(element("p", page.place, "place"));
    if (page.source.length) main.append(sourceOf(page.source));
    if (page.editor.url) main.append(linkTo(page.editor.url, "Open in " + page.editor.name));
    if (page.action) main.append(element("p", page.action, "action"));
    for (const remedy of page.remedies || []) {
      main.append(linkTo("/__appliance__/remedy?id=" + encodeURIComponent(remedy.id), remedy.label));
    }
    if (page.details && !page.source.length) {
      const details = element("pre", page.details);
      details.tabIndex = 0;
      main.append(details);
    }
    const close = element("button", "Close (Escape)");
    close.type = "button";
    close.addEventListener("click", hide);
    main.append(close);
    dialog.append(main);
    root.append(dialog);
    document.documentElement.append(overlay);
    dialog.showModal();
    close.focus({ preventScroll: true });
  }
  function hide() {
    overlay?.shadowRoot.querySelector("dialog").close(); // gives the focus back
    overlay?.remove();
    overlay = null;
  }
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && overlay) {
      event.stopPropagation();
      event.preventDefault(); // else it closes a dialog of the page, too
      hide();
    }
  }, true);

  // -- what the appliance says ---------------------------------------------------------------------------------------------

  let leaving = false;
  function loadAgain() {
    if (leaving) return;
    leaving = true;
    keep();
    location.reload();
  }
  // A page that is not changed may come from a cache once more (304, a service worker): one load for each new generation.
  function isTried(aim) {
    const key = keyHere("__appliance__ tried");
    try {
      const tried = sessionStorage.getItem(key) === aim;
      if (aim) sessionStorage.setItem(key, aim);
      else sessionStorage.removeItem(key);
      return tried;
    } catch {
      return performance.getEntriesByType("navigation")[0]?.type === "reload"; // storage is forbidden
    }
  }
  function state({ run, generation, revision, page }) {
    const isRevised = generation === served && revision > servedRevision;
    const isNew = generation && (run !== script.dataset.run || generation > served || isRevised);
    if (isNew && !isTried([script.dataset.run, served, servedRevision, run, generation, revision].join())) {
      loadAgain();
      return;
    }
    if (generation && !isNew) isTried("");
    if (page) show(page);
    else if (generation) hide();
  }
  function hear(name, data) {
    const said = JSON.parse(data);
    if (name === "state") state(said);
    else if (name === "assets") assets(said);
    else if (document.readyState === "complete") saved(said);
    else addEventListener("load", () => saved(said));
  }

  let stop = () => {};
  function listen() {
    if (typeof SharedWorker === "function") {
      try {
        const worker = new SharedWorker(new URL("events.js", script.src).href, { name: "appliance" });
        worker.port.onmessage = (event) => hear(event.data.name, event.data.data);
        worker.port.start();
        stop = () => worker.port.postMessage("leave");
        worker.onerror = share;
        return;
      } catch {
        // forbidden by a policy of the page's own
      }
    }
    share();
  }
  // Whoever holds the lock holds the stream; the other tabs hear of it by the channel, and one of them takes its place.
  function share() {
    const channel = navigator.locks && new BroadcastChannel("__appliance__"); // HTTP from another machine has no locks
    if (channel) channel.onmessage = (event) => hear(event.data.name, event.data.data);
    const held = new AbortController();
    let pause = 1000; // ms
    let isForbidden = false;
    addEventListener("securitypolicyviolation", (event) => {
      isForbidden ||= event.blockedURI.endsWith("/__appliance__/events");
    });
    const connect = (over) => {
      if (held.signal.aborted) return;
      const source = new EventSource("/__appliance__/events");
      for (const name of ["state", "assets", "saved"]) {
        source.addEventListener(name, (event) => {
          channel?.postMessage({ name, data: event.data });
          hear(name, event.data);
        });
      }
      source.addEventListener("open", () => (pause = 1000));
      source.addEventListener("error", () => {
        // As in events.js; but a policy of the page's own forbids every try.
        if (isForbidden || held.signal.aborted || source.readyState !== EventSource.CLOSED) return;
        setTimeout(connect, pause, over);
        pause = Math.min(pause * 2, 30000);
      });
      held.signal.addEventListener("abort", () => {
        source.close();
        over();
      });
    };
    const lead = () => new Promise(connect);
    if (channel) navigator.locks.request("__appliance__", { signal: held.signal }, lead).catch(() => {});
    else lead(); // each tab holds a stream of its own
    stop = () => {
      held.abort();
      channel?.close();
    };
  }
  listen();
  addEventListener("pagehide", () => stop());
  addEventListener("pageshow", (event) => {
    if (event.persisted) loadAgain(); // from the back/forward cache: it may be old
  });
})();
