// What the page does by itself: the sheet opens and closes, times count down, an old tab rests.
"use strict";

htmx.config.attributesToSettle = []; // it would write style attributes, which our policy forbids

const sheet = document.getElementById("sheet");

function show(id) {
  document.getElementById(id).hidden = false;
  document.getElementById("main").inert = true;
  document.body.addEventListener("htmx:beforeRequest", (event) => event.preventDefault());
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
  enable();
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) sheet.close();
});
document.body.addEventListener("done", () => sheet.close());
sheet.addEventListener("close", () => sheet.replaceChildren());
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
  count();
  enable();
});
// Not before htmx knows the form in it: a quick Enter would be lost.
document.body.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target === sheet && !sheet.open) sheet.showModal();
});
document.body.addEventListener("htmx:sseMessage", (event) => {
  if (event.detail.type === "rest") show("resting");
});
document.body.addEventListener("htmx:sseOpen", (event) => {
  const source = event.detail.source;
  source.addEventListener("rest", () => {
    source.close();
    show("resting");
  });
});
document.body.addEventListener("htmx:sseError", () => {
  if (document.getElementById("resting").hidden) show("ended");
});
setInterval(count, 1000);
count();
enable();
