// What the page does by itself: the sheet opens and closes, times count down, an old tab rests.
"use strict";

htmx.config.attributesToSettle = []; // it would write style attributes, which our policy forbids
htmx.config.defaultSettleDelay = 0; // or a choice is lost that is made as soon as an answer shows

const sheet = document.getElementById("sheet");

// Only one tab is connected, as a browser has six connections for an address; it tells the others.
const name = `mem0tray ${document.body.dataset.session}`;
const tabs = new BroadcastChannel(name);

function hear(news) {
  if (news === "rest") show("resting");
  else if (news === "lost") show("ended");
  else refresh();
}

// A page that nobody sees asks for nothing.
let stale = false;
function refresh() {
  stale = document.hidden;
  if (!stale) document.body.dispatchEvent(new Event("changed"));
}
document.addEventListener("visibilitychange", () => {
  if (stale) refresh();
});

// A click is lost when its button is replaced, or moves, before it is let go: until then nothing
// refreshes. Then what was to be shown is asked for again.
let pressed = false;
const missed = new Set(); // events
document.addEventListener("pointerdown", () => (pressed = true));
for (const end of ["pointerup", "pointercancel", "pointermove", "keydown"]) {
  document.addEventListener(end, (event) => {
    if (!pressed || event.buttons) return; // over a menu it is let go unseen
    pressed = false;
    setTimeout(() => {
      for (const { target, type } of missed) {
        target.dispatchEvent(new Event(type, { bubbles: true }));
      }
      missed.clear();
    }); // after the click
  });
}
document.body.addEventListener("htmx:beforeSwap", (event) => {
  const cause = event.detail.requestConfig.triggeringEvent;
  const refreshes = cause?.target === document.body || event.detail.target.id === "tested";
  if (pressed && refreshes) {
    event.detail.shouldSwap = false;
    missed.add(cause);
  }
});
// What is clicked twice is done once: a button does nothing more until it is replaced.
const busy = "button.htmx-request, button[data-done], form.htmx-request [type=submit]";
document.addEventListener("click", (event) => {
  if (!event.target.closest(busy)) return;
  event.preventDefault();
  event.stopPropagation();
}, true);
document.body.addEventListener("htmx:afterOnLoad", ({ detail }) => {
  if (isDone(detail.xhr)) detail.elt.dataset.done = "";
});

function isDone(xhr) {
  return Boolean(xhr.getResponseHeader("HX-Trigger")?.includes("done"));
}

function connect() {
  let failures = 0;
  const source = new EventSource(`events?shown=${document.body.dataset.mark}`);
  const tell = (news) => {
    tabs.postMessage(news);
    hear(news);
    if (news !== "changed") source.close();
  };
  for (const news of ["changed", "rest"]) source.addEventListener(news, () => tell(news));
  source.addEventListener("open", () => (failures = 0));
  source.addEventListener("error", () => {
    failures += 1; // the first may be a computer that has slept
    if (failures > 1 || source.readyState === EventSource.CLOSED) tell("lost");
  });
  return new Promise(() => {}); // until this tab is closed
}

navigator.locks.request(name, connect);
tabs.addEventListener("message", (event) => hear(event.data));

// Above the sheet, whose text can still be copied.
function show(id) {
  if (document.querySelector(".resting:popover-open")) return;
  document.getElementById(id).showPopover();
  document.getElementById("main").inert = true;
  document.body.addEventListener("htmx:beforeRequest", (event) => event.preventDefault());
}

// What is said of an act stands above everything, the sheet too.
const note = document.getElementById("note");

// Its own header, as htmx finds no other target for a button that is no longer on the page.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.getResponseHeader("Mem0tray-Note")) event.detail.target = note;
});

function say(html) {
  if (html) note.innerHTML = html;
  note.hidePopover();
  note.showPopover();
}

function count() {
  for (const each of document.querySelectorAll("[data-until]")) {
    const left = Math.round(each.dataset.until - Date.now() / 1000);
    if (left > 0) {
      const parts = [Math.floor(left / 60) % 60, left % 60];
      if (left >= 3600) parts.unshift(Math.floor(left / 3600));
      each.textContent = parts.map((n, at) => (at ? String(n).padStart(2, "0") : n)).join(":");
    }
  }
}

// A button about what is chosen does nothing while nothing is.
function enable() {
  const boxes = [...document.querySelectorAll("input[name=key][type=checkbox]")];
  const chosen = boxes.filter((box) => box.checked).length;
  const none = chosen === 0 && !document.getElementById("all")?.checked;
  for (const each of document.querySelectorAll("[data-chosen]")) each.disabled = none;
  const every = document.getElementById("every");
  if (every) {
    every.checked = chosen > 0 && chosen === boxes.length;
    every.indeterminate = chosen > 0 && chosen < boxes.length;
  }
}

document.addEventListener("change", (event) => {
  if (event.target.id === "every") {
    for (const box of document.querySelectorAll("input[name=key][type=checkbox]")) {
      box.checked = event.target.checked;
    }
  }
  const all = document.getElementById("all");
  if (all && event.target !== all && event.target.type === "checkbox" && !event.target.checked) {
    all.checked = false;
  }
  enable();
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) sheet.close();
});
sheet.addEventListener("htmx:beforeOnLoad", (event) => {
  if (isDone(event.detail.xhr)) sheet.close();
});
sheet.addEventListener("close", () => {
  htmx.trigger(sheet, "htmx:abort"); // or what was asked for in it would open it again
  sheet.replaceChildren();
});
// What was chosen while an answer was on its way stays chosen.
let ticked = [];
document.body.addEventListener("htmx:beforeSwap", (event) => {
  const own = event.detail.requestConfig.elt.id === "live";
  ticked = own ? [...document.querySelectorAll("#chosen input[type=checkbox]")] : [];
});
document.body.addEventListener("htmx:afterSwap", (event) => {
  for (const each of ticked.splice(0)) {
    const box = document.getElementById(each.id);
    if (box) box.checked = each.checked;
  }
  if (event.detail.target === note) say();
  count();
  enable();
});
// What is typed while an answer is on its way is asked for after it: the answer brings a new form.
let typed = false;
document.addEventListener("input", (event) => (typed ||= event.target.id === "text"));
document.body.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt.id === "wanted") typed = false;
});
document.body.addEventListener("htmx:afterSettle", (event) => {
  if (typed && event.detail.target.id === "live") htmx.trigger("#wanted", "submit");
});
// Not before htmx knows the form in it: a quick Enter would be lost.
document.body.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target !== sheet || sheet.open) return;
  note.hidePopover(); // it is about something else
  sheet.showModal();
});
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (!event.detail.isError) return;
  if (event.detail.xhr.status === 403) show("resting");
  else say(document.getElementById("failed").innerHTML);
});
document.body.addEventListener("htmx:sendError", () => show("ended"));
setInterval(count, 1000);
count();
enable();
