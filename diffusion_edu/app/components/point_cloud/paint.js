// Paints one panel: data points, arrows, trails, predictions, points, and the trajectory of the selected point.
const TRAIL = 7; // states that a fading trail reaches back

// The points of a panel between two states, interpolated, in pixels: x, y, x, y, ...
function positions(values, count, current, toPixels) {
  const below = Math.floor(current), fraction = current - below, out = new Float32Array(2 * count);
  const [from, to] = [below * 2 * count, (fraction ? below + 1 : below) * 2 * count];
  for (let k = 0; k < 2 * count; k++) out[k] = toPixels(values[from + k] * (1 - fraction) + values[to + k] * fraction, k % 2);
  return out;
}

function drawField(pen, animation, field, state, which, toPixels) {
  const cell = (2 * animation.view) / animation.side, total = animation.side * animation.side, arrows = [];
  const [[signal, noise], [nextSignal, nextNoise]] = [animation.rates[state], animation.rates[Math.min(state + 1, animation.rates.length - 1)]];
  if (noise === 0) return; // timestep 0 is clean: nothing is left to predict
  for (let k = 0; k < total; k++) {
    const from = [0, 1].map((axis) => -animation.view + cell * ((axis ? Math.floor(k / animation.side) : k % animation.side) + 0.5));
    const along = from.map((coordinate, axis) => {
      const prediction = field[2 * (state * total + k) + axis];
      return which === "prediction" ? prediction - coordinate : (nextSignal - (signal * nextNoise) / noise) * prediction + (nextNoise / noise - 1) * coordinate;
    });
    arrows.push([from, along, Math.hypot(...along)]);
  }
  const longest = Math.max(...arrows.map(([, , length]) => length), 1e-9);
  pen.beginPath();
  for (const [from, along, length] of arrows) {
    const most = 0.85 * cell, scale = which === "prediction" ? Math.min(1, most / length) : most / longest; // predictions may be far away: shortened
    if (length * scale < 0.02 * cell) continue;
    const [x, y, tipX, tipY] = [...from, from[0] + along[0] * scale, from[1] + along[1] * scale].map((value, k) => toPixels(value, k % 2));
    const angle = Math.atan2(tipY - y, tipX - x), head = Math.min(4.5, Math.hypot(tipX - x, tipY - y) / 2);
    pen.moveTo(x, y);
    pen.lineTo(tipX, tipY);
    for (const turn of [2.6, -2.6]) {
      pen.moveTo(tipX, tipY);
      pen.lineTo(tipX + head * Math.cos(angle + turn), tipY + head * Math.sin(angle + turn));
    }
  }
  pen.stroke();
}

function drawTrails(pen, animation, panel, current, toPixels) {
  for (let back = 0; back < TRAIL; back++) {
    const end = current - back, begin = Math.max(0, end - 1);
    if (end <= 0) return;
    const [a, b] = [begin, end].map((when) => positions(panel.x, panel.count, when, toPixels));
    const paths = animation.colours.map(() => new Path2D());
    panel.labels.forEach((label, k) => {
      const path = paths[label % paths.length];
      path.moveTo(a[2 * k], a[2 * k + 1]);
      path.lineTo(b[2 * k], b[2 * k + 1]);
    });
    pen.globalAlpha = 0.4 * (1 - back / TRAIL);
    paths.forEach((path, c) => { pen.strokeStyle = animation.colours[c]; pen.stroke(path); });
  }
}

function drawTrajectory(pen, panel, k, last, toPixels, ink) {
  pen.globalAlpha = 1;
  pen.strokeStyle = ink;
  pen.lineWidth = 2;
  pen.beginPath();
  let spot;
  for (let state = 0; state <= last; state++) {
    spot = [0, 1].map((axis) => toPixels(panel.x[2 * (state * panel.count + k) + axis], axis));
    state ? pen.lineTo(...spot) : pen.moveTo(...spot);
  }
  pen.stroke();
  for (const at of [0, last]) {
    spot = [0, 1].map((axis) => toPixels(panel.x[2 * (at * panel.count + k) + axis], axis));
    pen.beginPath();
    pen.arc(...spot, at ? 5 : 3, 0, TURN);
    pen.stroke();
  }
}

function drawPanel(panel, animation, current, switches, { selected, before, blend }) {
  if (!panel.side) return; // out of sight
  const { ink, grey } = themed(panel.figure), pen = sharpen(panel.canvas, panel.side), last = animation.timesteps.length - 1;
  const toPixels = (value, axis) => ((axis ? animation.view - value : value + animation.view) / (2 * animation.view)) * panel.side;
  pen.clearRect(0, 0, panel.side, panel.side);
  Object.assign(pen, { lineCap: "round", lineJoin: "round", globalAlpha: 0.45, fillStyle: grey });
  if (switches.data) {
    if (panel.dataSide !== panel.side) {
      const pixels = animation.dataPoints.map((value, k) => toPixels(value, k % 2));
      panel.dataPaths = marks(pixels, animation.data.labels, animation.colours.length, 1.4);
    }
    panel.dataSide = panel.side;
    for (const path of panel.dataPaths) pen.fill(path);
  }
  if (!panel.x) return empty(pen, panel, ink);
  const state = Math.round(current);
  Object.assign(pen, { strokeStyle: ink, lineWidth: 1, globalAlpha: 0.5 });
  if (switches.arrows !== "none") drawField(pen, animation, panel.field, state, switches.arrows, toPixels);
  pen.lineWidth = 1.2;
  if (switches.trails) drawTrails(pen, animation, panel, current, toPixels);
  let spots = positions(panel.x, panel.count, current, toPixels);
  if (before?.count === panel.count && blend < 1 && before.x?.length === panel.x.length) {
    const old = positions(before.x, panel.count, current, toPixels);
    spots = spots.map((v, k) => old[k] + blend * (v - old[k]));
  }
  Object.assign(pen, { globalAlpha: 0.9, lineWidth: 1.2, strokeStyle: animation.prediction });
  if (switches.predictions) {
    const rings = marks(positions(panel.predictions, panel.count, state, toPixels), panel.labels.map(() => 0), 1, 2.6);
    pen.stroke(rings[0]);
  }
  marks(spots, panel.labels, animation.colours.length, 2.8).forEach((path, c) => { pen.fillStyle = animation.colours[c]; pen.fill(path); });
  if (selected !== null) drawTrajectory(pen, panel, selected, last, toPixels, ink);
}

function empty(pen, panel, ink) {
  Object.assign(pen, { globalAlpha: 1, fillStyle: ink, textAlign: "center", font: `600 15px ${getComputedStyle(panel.figure).fontFamily}` });
  pen.fillText(panel.empty, panel.side / 2, 28);
}
