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

// On paper nothing can be opened.
let opened = [];
window.addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  for (const details of opened) details.open = true;
});
window.addEventListener("afterprint", () => {
  for (const details of opened) details.open = false;
});
