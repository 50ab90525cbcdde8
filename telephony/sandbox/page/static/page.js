// The server renders the whole page. This script sends forms as JSON, and keeps the sections
// marked data-live as the server renders them now.

const EVERY = 1000; // milliseconds between two looks
const notice = document.getElementById("notice");
const failure = document.getElementById("failure");
let seen = null; // the ETag of what is shown
let latest = 0; // a look that is overtaken changes nothing, and waits for the one that overtook it
let looking;
let timer;

function say(element, words) {
  element.textContent = words;
  element.hidden = !words;
}

// --- Keep the page up to date ---------------------------------------------------------------

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE && (node.dataset.key || node.id)) || null;

function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeName !== fresh.nodeName || keyOf(old) !== keyOf(fresh)) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    // What people opened stays open.
    if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) {
      old.removeAttribute(name);
    }
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (old.nodeName !== "SELECT") children(old, fresh);
}

function children(old, fresh) {
  const keyed = new Map();
  for (const child of old.childNodes) if (keyOf(child)) keyed.set(keyOf(child), child);
  let at = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const key = keyOf(child);
    let match = null;
    if (key) match = keyed.get(key) ?? null;
    else if (at && !keyOf(at) && at.nodeName === child.nodeName) match = at;
    if (!match) {
      old.insertBefore(child, at);
      continue;
    }
    if (match === at) at = at.nextSibling;
    else old.insertBefore(match, at);
    morph(match, child);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  const before = document.getElementById("conversation");
  const atEnd = before && before.scrollHeight - before.scrollTop - before.clientHeight < 40;
  const talk = before?.dataset.key;
  for (const section of fresh.querySelectorAll("[data-live]")) {
    const old = document.getElementById(section.id);
    const focused = old.contains(document.activeElement);
    morph(old, section);
    if (focused && !old.contains(document.activeElement)) {
      // What had the focus is gone: stay in its section.
      old.querySelector("h2").focus();
    }
  }
  document.title = fresh.title;
  if (atEnd || document.getElementById("conversation")?.dataset.key !== talk) toEnd();
}

function toEnd() {
  const conversation = document.getElementById("conversation");
  if (conversation) conversation.scrollTop = conversation.scrollHeight;
}

function look() {
  clearTimeout(timer);
  looking = lookOnce(++latest);
  return looking;
}

async function lookOnce(nth) {
  try {
    const headers = seen ? { "If-None-Match": seen } : {};
    const response = await fetch(location.href, { headers, cache: "no-store" });
    if (!response.ok && response.status !== 304) throw new Error(response.statusText);
    const html = response.ok ? await response.text() : null;
    if (nth !== latest) return looking;
    if (html !== null) {
      seen = response.headers.get("etag");
      show(html);
    }
    if (document.body.dataset.offline) say(failure, "");
    delete document.body.dataset.offline;
  } catch {
    if (nth !== latest) return looking;
    document.body.dataset.offline = "true";
    say(failure, "The sandbox does not respond. Trying again.");
  }
  if (!document.hidden) timer = setTimeout(look, EVERY);
}

// --- Go to a conversation ---------------------------------------------------------------------

async function go(address) {
  history.pushState(null, "", address);
  await look();
  arrive();
}

function arrive() {
  toEnd();
  if (location.hash !== "#phone") return;
  document.getElementById("phone").scrollIntoView();
  const first = document.getElementById("body") ?? document.getElementById("phone-heading");
  first.focus({ preventScroll: true });
}

// --- Send forms -------------------------------------------------------------------------------

function bodyOf(form) {
  const body = {};
  for (const control of form.elements) {
    if (!control.name) continue;
    if (control.value === "") {
      if ("empty" in control.dataset) body[control.name] = null;
    } else {
      body[control.name] = "json" in control.dataset ? JSON.parse(control.value) : control.value;
    }
  }
  return JSON.stringify(body);
}

async function send(form) {
  say(notice, "");
  say(failure, "");
  const body = bodyOf(form);
  const cleared = form.elements[form.dataset.clears];
  const words = cleared?.value;
  if (cleared) cleared.value = "";
  setTimeout(look, 60); // it is there long before its webhooks are delivered
  let error = null;
  try {
    const response = await fetch(form.getAttribute("action"), {
      method: form.dataset.send,
      headers: { "Content-Type": "application/json" },
      body,
    });
    const content = response.status === 204 ? {} : await response.json();
    if (!response.ok) error = content.error;
    else if (form.dataset.done) say(notice, form.dataset.done);
    form.closest("dialog")?.close();
    if (response.ok && form.dataset.then) {
      await go(form.dataset.then === "talk" ? `/?${new URLSearchParams(content)}#phone` : "/");
      return;
    }
  } catch {
    error = "The sandbox does not respond.";
  }
  if (error) {
    if (cleared && !cleared.value) cleared.value = words;
    say(failure, error);
  }
  toEnd();
  await look();
}

document.addEventListener("submit", (event) => {
  if (!event.target.dataset.send) return;
  event.preventDefault();
  send(event.target);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("#numbers a");
  if (link && event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey)) {
    event.preventDefault();
    go(link.href);
  }
  const opens = event.target.closest("[data-opens]");
  if (opens) document.getElementById(opens.dataset.opens).showModal();
  if (event.target.closest("[data-closes]")) event.target.closest("dialog").close();
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) look();
});

addEventListener("popstate", look);

arrive();
look();
