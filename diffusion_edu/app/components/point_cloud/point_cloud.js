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
  const [scrub, play, speed, now] = [".scrub", ".play", ".speed", ".now"].map($);
  const last = animation.timesteps.length - 1, opening = `${animation.opening} ${last}`;
  const sameAnimation = memory.opening === opening, before = root.panels;
  let current = sameAnimation ? memory.at : last; // the state that is shown, between two states while playing
  let hovered = null, frame = null, clock = 0, playing = false, startedAt = before ? performance.now() : -BLEND;
  if (!sameAnimation) memory.selected = null;
  Object.assign(memory, { opening, at: current });
  root.dataset.animation = animation.id;
  scrub.max = last;
  restoreSwitches(root);
  animation.dataPoints = unpack(animation.data.x, animation.reach);
  for (const part of root.querySelectorAll(".panels, .charts")) part.replaceChildren();
  const panels = (root.panels = animation.panels.map((panel) => makePanel($(".panels"), panel, animation)));
  const charts = animation.charts.map((chart) => makeChart($(".charts"), chart));
  fillTable($(".measurements"), animation.measurements, animation.panels.map(({ title }) => title));
  fillClasses($(".classes"), animation);

  function selected(panel) {
    const one = hovered ?? memory.selected;
    return one !== null && one < panel.count ? one : null;
  }

  function paint() {
    const blend = Math.min(1, (performance.now() - startedAt) / BLEND), switches = switchesOf(root);
    panels.forEach((panel, k) => drawPanel(panel, animation, current, switches, { selected: selected(panel), before: before?.[k], blend }));
    return blend < 1;
  }

  function show() {
    const state = Math.round(current), says = animation.says[state];
    scrub.value = state;
    now.textContent = says;
    scrub.setAttribute("aria-valuetext", says);
    for (const { canvas, title, x } of panels) canvas.setAttribute("aria-label", `${title}: ${x ? `points at ${says}` : "data only"}`);
    charts.forEach((draw) => draw(state, animation.timesteps[state]));
    for (const panel of panels) describe(panel, animation, selected(panel));
    memory.at = root.dataset.at = state;
    frame ??= requestAnimationFrame(tick);
  }

  function tick(time) {
    frame = null;
    if (playing) {
      current = Math.min(last, current + (Math.min(100, time - clock) / 1000) * Number(speed.value));
      clock = time;
      if (current >= last) pause();
      show();
    }
    if (paint()) frame ??= requestAnimationFrame(tick);
  }

  function pause() {
    playing = false;
    current = Math.round(current);
    play.textContent = "Play";
  }

  function start() {
    if (current >= last) current = 0;
    [playing, clock, play.textContent] = [true, performance.now(), "Pause"];
    show();
  }

  function go(to) {
    pause();
    current = Math.max(0, Math.min(last, to));
    show();
  }

  play.onclick = () => (playing ? (pause(), show()) : start());
  $(".back").onclick = () => go(Math.ceil(current) - 1);
  $(".next").onclick = () => go(Math.floor(current) + 1);
  scrub.oninput = () => go(Number(scrub.value));
  root.onchange = () => { saveSwitches(root); show(); };
  root.onkeydown = (event) => {
    const act = { ArrowLeft: $(".back").onclick, ArrowRight: $(".next").onclick, Home: () => go(0), End: () => go(last) }[event.key];
    const space = event.key === " " && event.target === root;
    if ((!act && !space) || event.target.tagName === "SELECT") return;
    event.preventDefault();
    space ? play.onclick() : act();
  };
  for (const panel of panels.filter(({ x }) => x)) {
    panel.canvas.onpointermove = (event) => { hovered = nearest(panel, animation, current, event); show(); };
    panel.canvas.onpointerleave = () => { hovered = null; show(); };
    panel.canvas.onclick = (event) => { memory.selected = nearest(panel, animation, current, event); show(); };
  }

  function fit() {
    if (!root.clientWidth) return;
    for (const panel of panels) panel.side = Math.floor(Math.min(panel.figure.clientWidth, Math.max(220, MAX_HEIGHT * window.innerHeight)));
    show();
  }
  const watch = new ResizeObserver(fit);
  watch.observe(root);
  root.stop = () => {
    pause();
    watch.disconnect();
    cancelAnimationFrame(frame);
    delete root.dataset.animation;
  };
  fit();
  if (animation.autoplay && !sameAnimation && !window.matchMedia("(prefers-reduced-motion: reduce)").matches) start();
  return root.stop;
}
