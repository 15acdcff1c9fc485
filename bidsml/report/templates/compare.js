for (const figure of document.querySelectorAll(".compare")) {
  const slider = figure.querySelector("input");
  const upper = figure.querySelector(".upper");
  const name = upper.dataset.name;
  const wipe = () => {
    figure.style.setProperty("--shown", `${slider.value}%`);
    figure.style.setProperty("--share", slider.value / 100);
    slider.setAttribute("aria-valuetext", `${slider.value} % ${name}`);
  };
  slider.addEventListener("input", wipe);
  figure.classList.add("sliding");
  figure.querySelector(".slider").hidden = false;
  wipe();
}
