// People as dots: filters choose who is shown, arrow keys go from one to the next.
for (const figure of document.querySelectorAll("figure.strip")) {
  const dots = [...figure.querySelectorAll("svg a")].map((link) => ({
    link,
    groups: link.dataset.groups.split("|").map((group) => new Set(group.split(" "))),
  }));
  const tools = figure.querySelector(".chooser");
  const selects = [...tools.querySelectorAll("select")];
  const status = tools.querySelector("[role=status]");
  tools.hidden = !selects.length;

  const shown = () => dots.filter(({ link }) => link.style.display !== "none");
  const stop = (dot) => {
    for (const { link } of dots) link.setAttribute("tabindex", link === dot?.link ? "0" : "-1");
  };
  const apply = () => {
    for (const { link, groups } of dots) {
      const fits = selects.every((select, index) => !select.value || groups[index].has(select.value));
      link.style.display = fits ? "" : "none";
    }
    const left = shown();
    const count = left.length > 0 && left.length < 5 ? "fewer than 5" : String(left.length);
    status.textContent = `${count} of ${dots.length} people shown`;
    stop(left[0]);
  };
  for (const select of selects) select.addEventListener("input", apply);

  figure.querySelector("svg").addEventListener("keydown", (event) => {
    const left = shown();
    const here = left.findIndex(({ link }) => link === document.activeElement);
    const steps = { ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1, Home: 0, End: left.length - 1 };
    const next = event.key in steps && here >= 0 ? left[steps[event.key]] : null;
    if (!next) return;
    event.preventDefault();
    stop(next);
    next.link.focus();
  });
  stop(dots[0]);
}
