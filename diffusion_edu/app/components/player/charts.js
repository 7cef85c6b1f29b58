// Charts of an animation, by plotly.js: curves that change with the state, or curves over the timesteps with a cursor.
// A click on a curve seeks its state; the buttons of a chart save it as SVG or its numbers as CSV.
const SVG = "http://www.w3.org/2000/svg";

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

// Load plotly.js once for the whole page, from the server of the app.
function loadPlotly(url) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  window.plotlyIsLoading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error("plotly.js could not be loaded"));
    script.src = url;
    document.head.append(script);
  });
  return window.plotlyIsLoading;
}

const atState = (values, state) => (Array.isArray(values?.[0]) ? values[state] : values);
const unlog = (axis, values) => (axis.base ? values.map((value) => (value === null ? null : axis.base ** value)) : values);
const pathOf = ({ x, y }, chart, state) => ({ x: unlog(chart.x, atState(x, state) ?? chart.at), y: unlog(chart.y, atState(y, state)) });
const dashes = (dash) => (dash ? dash.split(" ").map((length) => `${length}px`).join(",") : "solid");

// A name for plotly, which reads HTML and fields such as %{x}, so that it is shown as it is.
const asShown = (name) => (name ?? "").replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("%{", "%&#123;");

// The end of a vector, or start, end and current point of a path: the points that are marked, with the current one last.
function marksOf(series, chart, state) {
  const { x, y } = pathOf(series, chart, state), last = x.length - 1;
  const marked = series.now ? [0, last, series.now[state]] : [last];
  return { x: marked.map((k) => x[k]), y: marked.map((k) => y[k]), text: marked.map((_, k) => (k === marked.length - 1 ? asShown(series.label) : "")) };
}

// The traces of plotly: a line for each series, then the marks of those that have some.
function tracesOf(chart, colour) {
  const paint = (given) => (given === "currentColor" ? colour : given);
  const lines = chart.series.map((series) => {
    const path = pathOf(series, chart, 0);
    const value = chart.cursor ? "%{y:.4~g}" : `${chart.x.title}: %{x:.4~g}<br>${chart.y.title}: %{y:.4~g}`; // a cursor's box names x itself
    const words = `${series.label ? `<b>${asShown(series.label)}</b> ` : ""}${value}<extra></extra>`;
    const line = { color: paint(series.colour), dash: dashes(series.dash), width: 2 };
    return { ...path, mode: "lines", line, name: series.label, hovertemplate: words, showlegend: false };
  });
  const marks = chart.series.filter((series) => series.now || (chart.equal && series.label)).map((series, k) => ({
    ...marksOf(series, chart, 0),
    mode: "markers+text",
    textposition: series.now ? (k % 2 ? "bottom center" : "top center") : "middle right",
    textfont: { color: colour, size: 12 },
    marker: { color: paint(series.colour), size: series.now ? [9, 9, 11] : 10, symbol: series.now ? ["circle-open", "square", "circle"] : "circle" },
    hoverinfo: "skip",
    showlegend: false,
    cliponaxis: false,
  }));
  return [...lines, ...marks];
}

function layoutOf(chart, { color: colour, fontFamily: family, backgroundColor }) {
  const axis = ({ title, low, high, ticks, base }) => ({
    title: { text: title, standoff: 4 },
    type: base ? "log" : "linear",
    range: base ? [low, high].map((end) => end * Math.log10(base)) : [low, high],
    tickvals: unlog({ base }, Object.values(ticks)),
    ticktext: Object.keys(ticks),
    zeroline: false,
    fixedrange: true,
    gridcolor: "rgba(128, 128, 128, 0.3)",
  });
  return {
    xaxis: { ...axis(chart.x), showgrid: false },
    yaxis: { ...axis(chart.y), ...(chart.equal ? { scaleanchor: "x", constrain: "domain" } : {}) },
    font: { color: colour, size: 12, family },
    hoverlabel: { bgcolor: backgroundColor, font: { color: colour, size: 12, family } },
    margin: { l: 54, r: 12, t: 8, b: 40 },
    paper_bgcolor: "rgba(0, 0, 0, 0)",
    plot_bgcolor: "rgba(0, 0, 0, 0)",
    hovermode: chart.cursor ? "x unified" : "closest",
    dragmode: false,
    autosize: true,
  };
}

// All numbers of a chart as CSV: one line per point, with the state where curves change with it.
function csvOf(chart) {
  const cell = (value) => (/[",\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value ?? "");
  const lines = [["curve", "state", chart.x.title, chart.y.title]];
  for (const series of chart.series) {
    const states = Array.isArray(series.y[0]) ? series.y.map((_, k) => k) : [0];
    for (const state of states) {
      const path = pathOf(series, chart, state);
      path.x.forEach((x, k) => lines.push([series.label, states.length > 1 ? state : "", x, path.y[k]]));
    }
  }
  return lines.map((line) => line.map(cell).join(",")).join("\n");
}

function save(text, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// Two buttons beside the title of a chart: its image as SVG, its numbers as CSV.
function exportButtons(parent, chart, image) {
  const buttons = add(parent, "span", { class: "export" });
  add(buttons, "button", { title: `Download the chart “${chart.title}” as SVG` }, "SVG").onclick = image;
  add(buttons, "button", { title: `Download the numbers of “${chart.title}” as CSV` }, "CSV").onclick = () => save(csvOf(chart), `${chart.title}.csv`);
}

// plotly.js puts its style sheet into the page; inside a component it has to be there once more.
function shareStyles(plot) {
  const root = plot.getRootNode(), global = document.getElementById("plotly.js-style-global");
  if (root === document || root.hasPlotlyStyles || !global) return;
  const sheet = new CSSStyleSheet();
  for (const rule of global.sheet.cssRules) sheet.insertRule(rule.cssText, sheet.cssRules.length);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  root.hasPlotlyStyles = true;
}

// Which state a click means: that of the nearest timestep, or the one at this point of a path.
function stateAt({ x, curveNumber, pointNumber }, chart, timesteps) {
  if (chart.cursor) return timesteps.reduce((best, t, k) => (Math.abs(t - x) < Math.abs(timesteps[best] - x) ? k : best), 0);
  const { now } = chart.series[curveNumber] ?? {};
  return now ? now.reduce((best, at, k) => (Math.abs(at - pointNumber) < Math.abs(now[best] - pointNumber) ? k : best), 0) : null;
}

// Make a chart; returns draw(state, timestep). plotly: the address of plotly.js; timesteps: one per state; seek(state).
function makeChart(parent, chart, { plotly, timesteps, seek }) {
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
  const plot = add(figure, "div", { class: "plot", role: "img", "aria-label": chart.alt });
  exportButtons(caption, chart, () => Plotly?.downloadImage(plot, { format: "svg", filename: chart.title, width: plot.clientWidth, height: plot.clientHeight }));
  const changing = chart.series.map((_, k) => k).filter((k) => Array.isArray(chart.series[k].y[0]));
  const marked = chart.series.filter((series) => series.now || (chart.equal && series.label));
  const cursor = chart.cursor ? add(plot, "div", { class: "cursor" }) : null;
  let Plotly = null, latest = null, colour = "", making = false;

  function draw(state, timestep) {
    latest = [state, timestep];
    if (!Plotly) return;
    if (getComputedStyle(plot).color !== colour) return make(); // the theme has changed
    const paths = changing.map((k) => pathOf(chart.series[k], chart, state)), marks = marked.map((series) => marksOf(series, chart, state));
    const traces = [...changing, ...marked.map((_, k) => chart.series.length + k)];
    if (traces.length) Plotly.restyle(plot, { x: [...paths, ...marks].map(({ x }) => x), y: [...paths, ...marks].map(({ y }) => y) }, traces);
    if (cursor) cursor.style.left = `${plot._fullLayout._size.l + plot._fullLayout.xaxis.l2p(timestep)}px`;
    Object.assign(plot.dataset, { state, timestep });
  }

  async function make() {
    if (making || !plot.clientWidth) return; // out of sight: made when it gets a width
    making = true;
    const library = await loadPlotly(plotly);
    if (plot.isConnected) {
      colour = getComputedStyle(plot).color;
      await library.newPlot(plot, tracesOf(chart, colour), layoutOf(chart, getComputedStyle(plot)), { displayModeBar: false, doubleClick: false });
      shareStyles(plot);
      plot.removeAllListeners("plotly_click");
      plot.on("plotly_click", ({ points }) => {
        const state = stateAt(points[0], chart, timesteps);
        if (state !== null) seek(state);
      });
      Plotly = library;
      if (latest) draw(...latest);
    }
    making = false;
  }
  new ResizeObserver(() => (Plotly && plot.clientWidth ? Plotly.Plots.resize(plot).then(() => draw(...latest)) : make())).observe(plot);
  return draw;
}
