// Shows one state of an animation at a time: its images, its charts and its numbers.
const GAP = 24; // pixels between tracks
const MAX_HEIGHT = 400; // pixels that the images may take, so that the controls stay in view
const WITH_CHARTS = 0.28; // of the window's height that the images may take beside charts
const GREY = "#808080";

// The largest whole-number zoom at which all images fit into one track, and how many stand in a row.
function layout(animation, width) {
  const images = animation.class_names.length;
  const maxHeight = animation.charts.length ? Math.min(MAX_HEIGHT, WITH_CHARTS * window.innerHeight) : MAX_HEIGHT;
  const least = 2 * animation.width * Math.ceil(Math.sqrt(images)); // the width of a track at zoom 2
  const beside = Math.max(1, Math.min(animation.tracks.length, Math.floor((width + GAP) / (least + GAP))));
  const room = (width - GAP * (beside - 1)) / beside;
  for (let zoom = 8; zoom >= 1; zoom--) {
    const fit = Math.min(images, Math.floor(room / (animation.width * zoom)));
    if (fit < 1) continue;
    const rows = Math.ceil(images / fit);
    if (rows * animation.height * zoom <= maxHeight || zoom === 1) return { zoom, columns: Math.ceil(images / rows), rows };
  }
  return { zoom: 1, columns: 1, rows: images };
}

function makeTrack(parent, { name, symbol, words, colour, dash }) {
  const figure = add(parent, "figure");
  const canvas = add(figure, "canvas", { "data-track": name, role: "img" });
  const caption = add(figure, "figcaption");
  const letter = add(caption, "span", { class: "name", style: `border-color: ${colour}` }, symbol[0]);
  add(letter, "sub", {}, symbol[1]);
  if (dash !== null) swatch(caption, colour, dash);
  caption.append(` ${words}`);
  return { canvas, caption, numbers: add(caption, "div", { class: "numbers" }) };
}

// Draw one row of a sprite, the images of one state, in rows and columns.
function paint(canvas, sprite, animation, row, { columns, rows, zoom }) {
  const { width, height } = animation;
  if (canvas.width !== columns * width || canvas.height !== rows * height) {
    canvas.width = columns * width;
    canvas.height = rows * height;
  }
  canvas.style.width = `${canvas.width * zoom}px`;
  canvas.style.height = `${canvas.height * zoom}px`;
  const context = canvas.getContext("2d");
  context.fillStyle = GREY;
  context.fillRect(0, 0, canvas.width, canvas.height);
  animation.class_names.forEach((_, k) => {
    const [x, y] = [(k % columns) * width, Math.floor(k / columns) * height];
    context.drawImage(sprite, k * width, row * height, width, height, x, y, width, height);
  });
}

const changes = (chart) => chart.series.some(({ y }) => Array.isArray(y[0])); // with the state

export default function ({ data: animation, parentElement }) {
  const root = parentElement.querySelector(".player");
  if (root.dataset.animation === animation.id) return root.stop; // the page ran again with the same animation: play on
  if (root.stop) root.stop();
  const $ = (name) => root.querySelector(name);
  const last = animation.timesteps.length - 1;
  const opening = `${animation.start} of ${last}`; // an animation that opens like the one before stays at its position
  const stays = root.dataset.opening === opening && !animation.autoplay;
  let sprites = null, place = null;
  Object.assign(root.dataset, { animation: animation.id, opening });
  const ends = animation.ends ?? ["noise", "image"];
  root.querySelectorAll(".end").forEach((end, k) => { end.textContent = ends[k]; });
  $(".scrub").setAttribute("aria-label", `Timestep between ${ends.join(" and ")}`);

  for (const part of root.querySelectorAll(".tracks, .charts")) part.replaceChildren();
  const tracks = animation.tracks.map((track) => makeTrack($(".tracks"), track));
  const beside = { plotly: animation.plotly, timesteps: animation.timesteps, seek: (state) => transport.seek(state) };
  const charts = animation.charts.map((chart) => makeChart($(changes(chart) && !chart.equal ? ".moving" : ".timesteps"), chart, beside));

  function show(_, state) {
    if (!sprites || !place) return; // still decoding, or hidden and without a width
    tracks.forEach(({ canvas, caption, numbers }, k) => {
      const { alt, says, rows } = animation.tracks[k];
      paint(canvas, sprites[k], animation, rows?.[state] ?? state, place);
      canvas.setAttribute("aria-label", `${alt} at timestep ${animation.timesteps[state]}: ${animation.class_names.join(", ")}`);
      caption.style.maxWidth = canvas.style.width;
      numbers.textContent = says[state] ?? "";
    });
    charts.forEach((draw) => draw(state, animation.timesteps[state]));
    root.dataset.at = state;
  }
  const transport = makeTransport(root, {
    last,
    position: stays ? Number(root.dataset.at) : animation.start,
    direction: animation.way,
    statesPerSecond: () => Number($(".speed").value),
    caption: (state) => animation.says[state],
    show,
  });

  function fit() {
    if (!root.clientWidth) return;
    place = layout(animation, root.clientWidth);
    transport.update();
  }
  const observer = new ResizeObserver(fit);
  Promise.all(animation.tracks.map(({ sprite }) => decode(sprite))).then((decoded) => {
    if (root.dataset.animation !== animation.id) return; // stopped, or replaced by another animation
    sprites = decoded;
    fit();
    observer.observe(root);
    if (animation.autoplay && !reducedMotion()) transport.start();
  }).catch(() => { $(".now").textContent = "These images could not be read: load the page again."; });
  root.stop = () => {
    transport.pause();
    observer.disconnect();
    delete root.dataset.animation;
  };
  transport.update();
  return root.stop;
}
