for (const figure of document.querySelectorAll(".compare")) {
  const slider = figure.querySelector("input");
  const upper = figure.querySelector(".upper");
  const name = upper.dataset.name;
  const wipe = () => {
    upper.style.setProperty("--hidden", `${100 - slider.value}%`);
    slider.setAttribute("aria-valuetext", `${slider.value} % ${name}`);
  };
  slider.addEventListener("input", wipe);
  figure.classList.add("sliding");
  figure.querySelector(".slider").hidden = false;
  wipe();
}
