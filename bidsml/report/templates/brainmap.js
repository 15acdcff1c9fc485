// A map of the brain to step through: BrainSprite as nilearn sets it up, with a slider for each slice.
async function stepThrough(figure, stage, prefix) {
  const pictures = document.importNode(figure.querySelector("template").content, true);
  const canvas = document.createElement("canvas");
  canvas.id = `${prefix}-canvas`;
  canvas.setAttribute("role", "img");
  const store = document.createElement("div");
  store.hidden = true;
  store.append(pictures);
  const card = document.createElement("div");
  card.className = "card wide";
  card.append(canvas);
  const tools = document.createElement("p");
  tools.className = "tools";
  stage.append(card, store, tools);
  for (const image of store.querySelectorAll("img")) image.id = `${prefix}-${image.dataset.name}`;
  await Promise.all([...store.querySelectorAll("img")].map((image) => image.decode()));

  const settings = JSON.parse(figure.dataset.settings);
  settings.canvas = canvas.id;
  settings.sprite = `${prefix}-sprite`;
  settings.overlay.sprite = `${prefix}-overlay`;
  settings.colorMap.img = `${prefix}-colours`;
  const brain = brainsprite(settings);

  const sliders = ["X", "Y", "Z"].map((axis, index) => {
    const input = Object.assign(document.createElement("input"), {
      type: "range", min: 0, max: settings.nbSlice[axis] - 1, step: 1, value: brain.numSlice[axis],
    });
    const names = { X: "Left to right", Y: "Back to front", Z: "Bottom to top" };
    const label = document.createElement("label");
    label.append(`${names[axis]} `, input);
    tools.append(label);
    input.addEventListener("input", () => {
      brain.numSlice[axis] = Number(input.value);
      brain.init();
      brain.drawAll();
      tell();
    });
    return { axis, index, input };
  });
  const tell = () => {
    const places = sliders.map(({ axis, index, input }) => {
      const mm = Math.round(brain.coordinatesSlice[axis]);
      input.value = brain.numSlice[axis];
      input.setAttribute("aria-valuetext", `${axis.toLowerCase()} ${mm} mm`);
      return `${axis.toLowerCase()} = ${mm}`;
    });
    const value = Number.isFinite(brain.voxelValue) ? `value ${brain.voxelValue.toPrecision(3)}` : "no value";
    canvas.setAttribute("aria-label", `Slices at ${places.join(", ")} mm: ${value}.`);
  };
  for (const event of ["click", "mousemove"]) canvas.addEventListener(event, tell);
  tell();
}

for (const [number, figure] of document.querySelectorAll("figure.brainmap").entries()) {
  bidsml.onOpening(figure, { open: "Step through the brain", close: "Close the slices" }, (stage) =>
    stepThrough(figure, stage, `brainmap-${number}`));
}
