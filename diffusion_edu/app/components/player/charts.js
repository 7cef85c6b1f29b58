// Small line charts beside the player: curves that change with the state, or curves over all timesteps with a cursor.
const SVG = "http://www.w3.org/2000/svg";
const ROOM = { left: 46, right: 10, top: 8, bottom: 34 }; // pixels around the curves, for ticks and titles

function add(parent, name, attributes = {}, text = "") {
  const made = parent.namespaceURI === SVG || name === "svg" ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(text);
  return parent.appendChild(made);
}

function swatch(parent, colour, dash) {
  const svg = add(parent, "svg", { class: "swatch", width: 24, height: 8, "aria-hidden": "true" });
  add(svg, "line", { class: "curve", x1: 0, y1: 4, x2: 24, y2: 4, stroke: colour, "stroke-dasharray": dash });
}

function pathThrough(xs, ys) {
  let pen = "M"; // a place without a height lifts the pen
  return xs.map((x, k) => {
    if (ys[k] === null) { pen = "M"; return ""; }
    const part = `${pen}${x.toFixed(1)} ${ys[k].toFixed(1)}`;
    pen = "L";
    return part;
  }).join("");
}

function markPath(parent, { label, colour, now }, xs, ys, state, k) {
  const last = xs.length - 1, at = now[state];
  add(parent, "circle", { class: "ring", cx: xs[0], cy: ys[0], r: 4, stroke: colour });
  add(parent, "rect", { x: xs[last] - 4, y: ys[last] - 4, width: 8, height: 8, fill: colour });
  add(parent, "circle", { class: "dot", cx: xs[at], cy: ys[at], r: 5.5, fill: colour });
  add(parent, "text", { class: "now", x: xs[at], y: ys[at] + (k % 2 ? 18 : -9), "text-anchor": "middle" }, label); // above and below, where two meet
}

// Widen the axis that has room to spare, so that one unit is as long on both: angles are then what they look like.
function asLong(x, y, width, height) {
  const unit = Math.max((x.high - x.low) / width, (y.high - y.low) / height);
  const widen = (axis, room) => ({ low: axis.low, high: axis.low + unit * room });
  return [widen(x, width), widen(y, height)];
}

// A vector ends in a dot that bears its name.
function point(parent, { label, colour }, x, y, k) {
  add(parent, "circle", { class: "dot", cx: x, cy: y, r: 5, fill: colour });
  add(parent, "text", { class: "now", x: x + 8, y: y + 14 - 10 * k }, label); // one above the other, where they meet
}

function makeChart(parent, chart) {
  const figure = add(parent, "figure", { class: "chart" });
  const caption = add(figure, "figcaption");
  add(caption, "strong", {}, chart.title);
  const legend = add(caption, "div", { class: "legend" });
  for (const series of chart.series) {
    if (!series.label || series !== chart.series.find(({ label }) => label === series.label)) continue; // one entry per label: the tracks tell dashes apart
    const entry = add(legend, "span");
    swatch(entry, series.colour, series.dash);
    entry.append(series.label);
  }
  const svg = add(figure, "svg", { class: "plot", role: "img", "aria-label": chart.alt });
  return (state, timestep) => drawChart(svg, chart, state, timestep);
}

function drawChart(svg, chart, state, timestep) {
  const [width, height] = [svg.clientWidth - ROOM.left - ROOM.right, svg.clientHeight - ROOM.top - ROOM.bottom];
  if (width <= 0) return; // out of sight
  const [across, up] = chart.equal ? asLong(chart.x, chart.y, width, height) : [chart.x, chart.y];
  const right = (value) => ((value - across.low) / (across.high - across.low)) * width;
  const down = (value) => (1 - (value - up.low) / (up.high - up.low)) * height;
  svg.replaceChildren();
  const axes = add(svg, "g", { transform: `translate(${ROOM.left} ${ROOM.top})` });
  for (const [text, value] of Object.entries(chart.x.ticks)) add(axes, "text", { x: right(value), y: height + 14, "text-anchor": "middle" }, text);
  for (const [text, value] of Object.entries(chart.y.ticks)) {
    add(axes, "line", { class: "rule", x1: 0, x2: width, y1: down(value), y2: down(value) });
    add(axes, "text", { x: -5, y: down(value) + 4, "text-anchor": "end" }, text);
  }
  add(axes, "text", { x: width / 2, y: height + 29, "text-anchor": "middle" }, chart.x.title);
  add(axes, "text", { transform: `translate(-34 ${height / 2}) rotate(-90)`, "text-anchor": "middle" }, chart.y.title);
  const inside = add(axes, "svg", { width, height }); // an inner svg cuts off what leaves the axes
  for (const [k, { label, x, y, colour, dash }] of chart.series.entries()) {
    const heights = (Array.isArray(y[0]) ? y[state] : y).map((value) => value === null ? null : down(value));
    const places = (Array.isArray(x?.[0]) ? x[state] : x ?? chart.at).map(right);
    add(inside, "path", { class: "curve", d: pathThrough(places, heights), stroke: colour, "stroke-dasharray": dash });
    if (chart.equal && label) point(axes, { label, colour }, places.at(-1), heights.at(-1), k);
  }
  chart.series.filter(({ now }) => now).forEach((path, k) => markPath(axes, path, path.x.map(right), path.y.map(down), state, k));
  if (chart.cursor) add(inside, "line", { class: "cursor", x1: right(timestep), x2: right(timestep), y1: 0, y2: height });
}
