// Plays the trajectories of many 2-D points, side by side. The browser holds all states: playing and scrubbing need no server.
const MAX_HEIGHT = 0.54; // of the window's height that a panel may take, so that the bar stays in view
const BLEND = 350; // milliseconds in which points move from one training snapshot to the next
const memory = (globalThis.diffusionPointCloud ??= {}); // the switches and the selected point, kept when the page is built again

function makePanel(parent, { name, title, words, empty, labels, ...packed }, animation) {
  const figure = add(parent, "figure");
  const caption = add(figure, "figcaption");
  add(caption, "strong", {}, title);
  caption.append(` ${words}`);
  const canvas = add(figure, "canvas", { "data-panel": name, role: "img" });
  const path = add(figure, "div", { class: "path" });
  const [x, predictions, field] = ["x", "x0_hat", "field"].map((key) => unpack(packed[key], animation.reach));
  return { canvas, figure, path, title, empty, labels, x, predictions, field, count: labels?.length ?? 0 };
}

function fillTable(table, rows, heads) {
  table.replaceChildren();
  const head = add(add(table, "thead"), "tr");
  for (const text of ["", ...heads]) add(head, "th", { scope: "col" }, text);
  const body = add(table, "tbody");
  for (const [name, ...cells] of rows) {
    const good = cells.pop(), above = add(body, "tr", { class: good ? "above" : "" });
    add(above, "th", { scope: "row" }, name);
    for (const text of cells) add(above, "td", {}, text);
    if (good) add(add(body, "tr"), "td", { class: "good", colspan: cells.length + 1 }, good);
  }
}

function fillClasses(legend, animation) {
  legend.replaceChildren();
  if (animation.classes.length) add(legend, "span", {}, `${animation.legend}:`);
  animation.classes.forEach((name, k) => {
    if (!animation.panels.some(({ labels }) => labels?.includes(k))) return; // no point of this class
    const entry = add(legend, "span"), canvas = add(entry, "canvas", { "aria-hidden": "true" });
    const pen = sharpen(canvas, 14);
    canvas.style.cssText += "; display: inline-block; vertical-align: middle; background: none; margin-right: 3px";
    pen.fillStyle = animation.colours[k];
    pen.fill(marks([7, 7], [k], k + 1, 4)[k]);
    entry.append(name);
  });
}

function switchesOf(root) {
  const boxes = [...root.querySelectorAll("input[type=checkbox]")].map(({ name, checked }) => [name, checked]);
  return { arrows: root.querySelector(".arrows").value, ...Object.fromEntries(boxes) };
}

function saveSwitches(root) {
  memory.switches = { ...switchesOf(root), speed: root.querySelector(".speed").value };
}

function restoreSwitches(root) {
  if (!memory.switches) return;
  for (const box of root.querySelectorAll("input[type=checkbox]")) box.checked = memory.switches[box.name];
  for (const name of ["arrows", "speed"]) root.querySelector(`.${name}`).value = memory.switches[name];
}

function nearest(panel, animation, current, event) {
  const box = panel.canvas.getBoundingClientRect(), scale = (2 * animation.view) / box.width;
  const spot = [(event.clientX - box.left) * scale - animation.view, animation.view - (event.clientY - box.top) * scale];
  const now = positions(panel.x, panel.count, current, (value) => value);
  let best = 0, closest = Infinity;
  for (let k = 0; k < panel.count; k++) {
    const far = Math.hypot(now[2 * k] - spot[0], now[2 * k + 1] - spot[1]);
    if (far < closest) [best, closest] = [k, far];
  }
  return best;
}

function describe(panel, animation, k) {
  if (!panel.x) return;
  const at = (state) => [0, 1].map((axis) => panel.x[2 * (state * panel.count + k) + axis].toFixed(2).replace("-", "−")).join(", ");
  panel.path.textContent = k === null ? "Click a point to see its trajectory." : `(${at(0)}) → (${at(animation.timesteps.length - 1)})`;
}

export default function ({ data: animation, parentElement }) {
  const root = parentElement.querySelector(".player");
  if (root.dataset.animation === animation.id) return root.stop; // the page ran again with the same animation: continue
  if (root.stop) root.stop();
  const $ = (name) => root.querySelector(name);
  const last = animation.timesteps.length - 1, opening = `${animation.opening} ${last}`;
  const sameAnimation = memory.opening === opening, before = root.panels;
  const startedAt = before ? performance.now() : -BLEND;
  let position = sameAnimation ? memory.at : last, hovered = null, frame = null; // position: between two states while it plays
  if (!sameAnimation) memory.selected = null;
  Object.assign(memory, { opening, at: position });
  root.dataset.animation = animation.id;
  restoreSwitches(root);
  animation.dataPoints = unpack(animation.data.x, animation.reach);
  for (const part of root.querySelectorAll(".panels, .charts")) part.replaceChildren();
  const panels = (root.panels = animation.panels.map((panel) => makePanel($(".panels"), panel, animation)));
  const charts = animation.charts.map((chart) => makeChart($(".charts"), chart, { plotly: animation.plotly, timesteps: animation.timesteps, seek: (state) => transport.seek(state) }));
  fillTable($(".measurements"), animation.measurements, animation.panels.map(({ title }) => title));
  fillClasses($(".classes"), animation);

  function selected(panel) {
    const one = hovered ?? memory.selected;
    return one !== null && one < panel.count ? one : null;
  }

  function paint() {
    frame = null;
    const blend = Math.min(1, (performance.now() - startedAt) / BLEND), switches = switchesOf(root);
    panels.forEach((panel, k) => drawPanel(panel, animation, position, switches, { selected: selected(panel), before: before?.[k], blend }));
    if (blend < 1) frame = requestAnimationFrame(paint);
  }

  function show(now, state) {
    position = now;
    const says = animation.says[state];
    for (const { canvas, title, x } of panels) canvas.setAttribute("aria-label", `${title}: ${x ? `points at ${says}` : "data only"}`);
    charts.forEach((draw) => draw(state, animation.timesteps[state]));
    for (const panel of panels) describe(panel, animation, selected(panel));
    memory.at = root.dataset.at = state;
    frame ??= requestAnimationFrame(paint);
  }
  const transport = makeTransport(root, {
    last,
    position,
    statesPerSecond: () => Number($(".speed").value),
    smooth: true,
    caption: (state) => animation.says[state],
    show,
  });
  root.onchange = () => { saveSwitches(root); transport.update(); };
  for (const panel of panels.filter(({ x }) => x)) {
    panel.canvas.onpointermove = (event) => { hovered = nearest(panel, animation, position, event); transport.update(); };
    panel.canvas.onpointerleave = () => { hovered = null; transport.update(); };
    panel.canvas.onclick = (event) => { memory.selected = nearest(panel, animation, position, event); transport.update(); };
  }

  function fit() {
    if (!root.clientWidth) return;
    for (const panel of panels) panel.side = Math.floor(Math.min(panel.figure.clientWidth, Math.max(220, MAX_HEIGHT * window.innerHeight)));
    transport.update();
  }
  const observer = new ResizeObserver(fit);
  observer.observe(root);
  root.stop = () => {
    transport.pause();
    observer.disconnect();
    cancelAnimationFrame(frame);
    delete root.dataset.animation;
  };
  fit();
  if (animation.autoplay && !sameAnimation && !reducedMotion()) transport.start();
  return root.stop;
}
