// A brain of edges that can be turned: by dragging, by two sliders, or to one of six views.
const VIEWS = { left: [270, 0], right: [90, 0], front: [0, 0], back: [180, 0], above: [180, 90], below: [0, -90] };
const AXES = [["R", 90, -18, 10], ["L", -90, -18, 10], ["A", 0, 92, 10], ["P", 0, -124, 10], ["S", 0, -18, 100], ["I", 0, -18, -82]];
const MIDDLE = [0, -18, 10];
const HALF_MM = 118;

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function slider(name, minimum, maximum, value) {
  const input = make("input", { type: "range", min: minimum, max: maximum, step: 1, value });
  return [make("label", {}, `${name} `, input), input];
}

function showBrain(stage, data) {
  const strongest = Math.max(...data.edges.map((edge) => Math.abs(edge[2])), 1e-12);
  const canvas = make("canvas", { className: "brain" });
  canvas.setAttribute("role", "img");
  canvas.style.cssText = "display: block; width: 100%; max-width: 36rem; margin: 0 auto; touch-action: pan-y; cursor: grab";
  const view = make("select", {}, ...Object.keys(VIEWS).map((name) => new Option(name)), new Option("free", "free"));
  const [turnLabel, turn] = slider("Turn", 0, 359, 270);
  const [tiltLabel, tilt] = slider("Tilt", -90, 90, 0);
  const [countLabel, count] = slider("Edges", 1, data.edges.length, data.edges.length);
  const names = data.nodes.map((node, index) => [node[3], index]).filter(([, index]) =>
    data.edges.some((edge) => edge[0] === index || edge[1] === index));
  names.sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
  const region = make("select", {}, new Option("all", "-1"), ...names.map(([name, index]) => new Option(name, index)));
  const told = make("p", { className: "told" });
  told.setAttribute("role", "status");
  const context = canvas.getContext("2d");

  const project = () => {
    const [a, b] = [turn.value * Math.PI / 180, tilt.value * Math.PI / 180];
    const [sa, ca, sb, cb] = [Math.sin(a), Math.cos(a), Math.sin(b), Math.cos(b)];
    const scale = canvas.width / (2 * HALF_MM);
    return ([x, y, z]) => {
      const [u, v, w] = [x - MIDDLE[0], y - MIDDLE[1], z - MIDDLE[2]];
      return [
        canvas.width / 2 + scale * (-ca * u + sa * v),
        canvas.height / 2 - scale * (-sa * sb * u - ca * sb * v + cb * w),
        sa * cb * u + ca * cb * v + sb * w,
      ];
    };
  };

  const drawShell = (at) => {
    const points = [];
    for (let i = 0; i < data.vertices.length; i += 3) points.push(at(data.vertices.slice(i, i + 3)));
    for (let i = 0; i < data.faces.length; i += 3) {
      const [p, q, r] = [points[data.faces[i]], points[data.faces[i + 1]], points[data.faces[i + 2]]];
      const [u, v] = [[q[0] - p[0], p[1] - q[1], q[2] - p[2]], [r[0] - p[0], p[1] - r[1], r[2] - p[2]]];
      const normal = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
      const facing = normal[2] / (Math.hypot(...normal) || 1);
      if (facing <= 0) continue;
      // Glass: clear where one looks straight at it, darker towards the rim.
      context.fillStyle = `rgba(90, 100, 110, ${0.04 + 0.22 * (1 - facing) ** 2})`;
      context.beginPath();
      context.moveTo(p[0], p[1]);
      context.lineTo(q[0], q[1]);
      context.lineTo(r[0], r[1]);
      context.fill();
    }
  };

  const shown = () => data.edges.slice(0, count.value)
    .filter((edge) => region.value === "-1" || edge[0] === +region.value || edge[1] === +region.value);

  const draw = () => {
    const width = Math.max(240, canvas.clientWidth) * Math.min(2, window.devicePixelRatio || 1);
    canvas.width = width;
    canvas.height = width * 0.82;
    const unit = width / 560;
    const at = project();
    context.clearRect(0, 0, canvas.width, canvas.height);
    drawShell(at);
    const points = data.nodes.map(at);
    const edges = shown();
    const touched = new Set(edges.flatMap((edge) => [edge[0], edge[1]]));
    const depth = (edge) => points[edge[0]][2] + points[edge[1]][2];
    for (const edge of [...edges].sort((one, other) => depth(one) - depth(other))) {
      context.strokeStyle = edge[2] > 0 ? "#b2182b" : "#2166ac";
      context.lineWidth = unit * (1 + 3 * Math.abs(edge[2]) / strongest);
      context.setLineDash(edge[4] ? [] : [5 * unit, 4 * unit]);
      context.beginPath();
      context.moveTo(points[edge[0]][0], points[edge[0]][1]);
      context.lineTo(points[edge[1]][0], points[edge[1]][1]);
      context.stroke();
    }
    context.setLineDash([]);
    for (const [index, [x, y]] of points.entries()) {
      const big = touched.has(index);
      context.fillStyle = big ? "#222222" : "rgba(90, 90, 90, 0.45)";
      context.beginPath();
      context.arc(x, y, unit * (index === +region.value ? 7 : big ? 4 : 1.6), 0, 2 * Math.PI);
      context.fill();
    }
    context.fillStyle = "#222222";
    context.font = `${13 * unit}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (const [letter, ...place] of AXES) {
      const [x, y, z] = at(place);
      if (Math.abs(z) < 70) context.fillText(letter, x, y);
    }
  };

  const tell = () => {
    const edges = shown();
    const sure = edges.filter((edge) => edge[4]).length;
    const words = edges.slice(0, 8).map((edge) =>
      `${data.nodes[edge[0]][3]} with ${data.nodes[edge[1]][3]}: ${String(edge[2]).replace("-", "\u2212")}${edge[3] ? ` (${edge[3]})` : ""}`);
    const node = region.value === "-1" ? null : data.nodes[+region.value];
    const who = node ? `${node[3]}${node[4] ? ` (${node[4]})` : ""}: ` : "";
    told.textContent = `${who}${edges.length} of ${data.edges.length} edges shown, ${sure} of them beyond chance after correction`
      + (node && words.length ? `. ${words.join("; ")}${edges.length > 8 ? " …" : ""}` : "") + ".";
    canvas.setAttribute("aria-label", `Brain seen from ${view.value === "free" ? `turn ${turn.value}°, tilt ${tilt.value}°` : view.value}. ${told.textContent}`);
  };

  const update = () => { draw(); tell(); };
  const look = () => {
    const matching = Object.entries(VIEWS).find(([, [a, b]]) => (a === +turn.value || Math.abs(b) === 90) && b === +tilt.value);
    view.value = matching ? matching[0] : "free";
    update();
  };
  view.addEventListener("input", () => {
    if (view.value in VIEWS) [turn.value, tilt.value] = VIEWS[view.value];
    update();
  });
  for (const input of [turn, tilt]) input.addEventListener("input", look);
  for (const input of [count, region]) input.addEventListener("input", update);

  let held = null;
  canvas.addEventListener("pointerdown", (event) => {
    held = { x: event.clientX, y: event.clientY, moved: 0 };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!held) return;
    const [dx, dy] = [event.clientX - held.x, event.clientY - held.y];
    turn.value = (+turn.value + Math.round(dx) + 360) % 360;
    tilt.value = +tilt.value + Math.round(dy);
    held = { x: event.clientX, y: event.clientY, moved: held.moved + Math.abs(dx) + Math.abs(dy) };
    look();
  });
  canvas.addEventListener("pointerup", (event) => {
    if (held && held.moved < 4) pick(event);
    held = null;
  });
  canvas.addEventListener("pointercancel", () => { held = null; });

  const pick = (event) => {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) * canvas.width / box.width, (event.clientY - box.top) * canvas.height / box.height];
    const at = project();
    const near = names.map(([, index]) => [Math.hypot(at(data.nodes[index])[0] - x, at(data.nodes[index])[1] - y), index]);
    near.sort(([a], [b]) => a - b);
    region.value = near.length && near[0][0] < canvas.width / 40 ? String(near[0][1]) : "-1";
    update();
  };

  stage.append(
    make("div", { className: "card wide" }, canvas),
    make("p", { className: "tools" }, make("label", {}, "Seen from ", view), turnLabel, tiltLabel, countLabel,
      make("label", {}, "Region ", region)),
    make("p", { className: "caption" }, `Red: ${data.high}; blue: ${data.low}; the thicker, the stronger (${data.quantity}). `
      + "Solid: beyond chance after correction; dashed: not shown to be. Drag to turn; press a region to see its edges."),
    told,
  );
  new ResizeObserver(() => draw()).observe(canvas);
  update();
}

for (const figure of document.querySelectorAll("figure.connectome")) {
  bidsml.onOpening(figure, { open: "Turn the brain", close: "Close the brain that turns" }, (stage) =>
    showBrain(stage, JSON.parse(figure.querySelector("script").textContent)));
}
