// Mark in the contents where the reader is.
const entries = [...document.querySelectorAll("nav a")].map((link) => ({
  link, section: document.getElementById(decodeURIComponent(link.hash.slice(1))),
}));
let waiting = false;
const mark = () => {
  waiting = false;
  const line = window.innerHeight / 4;
  const atEnd = window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 2;
  const above = entries.filter(({ section }) => section.getBoundingClientRect().top <= line);
  const here = atEnd && window.scrollY > 0 ? entries.at(-1) : above.at(-1) ?? entries[0];
  for (const entry of entries) {
    if (entry === here) entry.link.setAttribute("aria-current", "location");
    else entry.link.removeAttribute("aria-current");
  }
};
const later = () => {
  if (!waiting) requestAnimationFrame(mark);
  waiting = true;
};
window.addEventListener("scroll", later, { passive: true });
window.addEventListener("resize", later, { passive: true });
mark();

// On paper nothing can be opened. A table of thousands of rows, or wider than a sheet, stays in the page.
const fits = (table) => table.rows.length <= 60 && table.rows[0].cells.length <= 10;
let opened = [];
window.addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")].filter((details) =>
    [...details.querySelectorAll("table")].every(fits));
  for (const details of opened) details.open = true;
});
window.addEventListener("afterprint", () => {
  for (const details of opened) details.open = false;
});

// A link may lead to something that is folded.
const unfold = () => {
  const goal = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let details = goal?.closest("details"); details; details = details.parentElement.closest("details")) details.open = true;
  goal?.scrollIntoView();
};
window.addEventListener("hashchange", unfold);
if (location.hash) unfold();

// What the other scripts of a page share.
globalThis.bidsml = {
  save(text, name, type) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  },
  // A viewer is made when its button is pressed for the first time: a page of many opens at once.
  onOpening(figure, { open, close }, make) {
    const opener = figure.querySelector(".opener");
    const button = opener.querySelector("button");
    const stage = figure.querySelector(".stage");
    opener.hidden = false;
    button.addEventListener("click", () => {
      stage.hidden = !stage.hidden;
      button.setAttribute("aria-expanded", String(!stage.hidden));
      button.textContent = stage.hidden ? open : close;
      if (!stage.hidden && !stage.firstChild) make(stage);
    });
  },
};
