// Shows one state of an animation at a time. All states are here already: scrubbing costs no round trip.
const GAP = 24; // pixels between tracks
const HIGHEST = 400; // pixels of screen that the images may take, so that the controls stay in view
const SHARE = 0.28; // of the window's height, when charts need room too

function layout(animation, width) {
  // The largest whole-number zoom at which all images fit into one screen, and how many stand in a row.
  const images = animation.class_names.length, highest = animation.charts.length ? Math.min(HIGHEST, SHARE * window.innerHeight) : HIGHEST;
  const least = 2 * animation.width * Math.ceil(Math.sqrt(images)); // what a screen needs at zoom 2
  const beside = Math.max(1, Math.min(animation.tracks.length, Math.floor((width + GAP) / (least + GAP))));
  const room = (width - GAP * (beside - 1)) / beside;
  for (let zoom = 8; zoom >= 1; zoom--) {
    const fit = Math.min(images, Math.floor(room / (animation.width * zoom)));
    if (fit < 1) continue;
    const rows = Math.ceil(images / fit);
    if (rows * animation.height * zoom <= highest || zoom === 1) return { zoom, columns: Math.ceil(images / rows), rows };
  }
  return { zoom: 1, columns: 1, rows: images };
}

function decode(url) {
  const image = new Image();
  image.src = url;
  return image.decode().then(() => image);
}

function makeScreen(parent, { name, symbol, words, colour, dash }) {
  const figure = add(parent, "figure");
  const canvas = add(figure, "canvas", { "data-screen": name, role: "img" });
  const caption = add(figure, "figcaption");
  const letter = add(caption, "span", { class: "name", style: `border-color: ${colour}` }, symbol[0]);
  add(letter, "sub", {}, symbol[1]);
  if (dash !== null) swatch(caption, colour, dash);
  caption.append(` ${words}`);
  return { canvas, caption, numbers: add(caption, "div", { class: "numbers" }) };
}

function paint(canvas, image, animation, row, { columns, rows, zoom }) {
  const { width, height } = animation;
  if (canvas.width !== columns * width || canvas.height !== rows * height) {
    canvas.width = columns * width;
    canvas.height = rows * height;
  }
  canvas.style.width = `${canvas.width * zoom}px`;
  canvas.style.height = `${canvas.height * zoom}px`;
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#808080";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  animation.class_names.forEach((_, k) => {
    pen.drawImage(image, k * width, row * height, width, height, (k % columns) * width, Math.floor(k / columns) * height, width, height);
  });
}

const moves = (chart) => chart.series.some(({ y }) => Array.isArray(y[0]));

export default function ({ data: animation, parentElement }) {
  const root = parentElement.querySelector(".player");
  if (root.dataset.animation === animation.id) return root.stop; // the page ran again with the same animation: play on
  if (root.stop) root.stop();
  const $ = (name) => root.querySelector(name);
  const [scrub, play, speed, now] = [".scrub", ".play", ".speed", ".now"].map($);
  const last = animation.timesteps.length - 1;
  const opening = `${animation.start} of ${last}`; // an animation that opens like the one before stays where the person was
  let at = root.dataset.opening === opening && !animation.autoplay ? Number(root.dataset.at) : animation.start;
  let timer = null, sprites = null, place = null;
  Object.assign(root.dataset, { animation: animation.id, opening });
  scrub.max = last;
  const ends = animation.ends ?? ["noise", "image"];
  root.querySelectorAll(".end").forEach((end, k) => { end.textContent = ends[k]; });
  scrub.setAttribute("aria-label", `Moment between ${ends.join(" and ")}`);

  for (const part of root.querySelectorAll(".tracks, .charts")) part.replaceChildren();
  const tracks = animation.tracks.map((screen) => makeScreen($(".tracks"), screen));
  const charts = animation.charts.map((chart) => makeChart($(moves(chart) && !chart.equal ? ".moving" : ".timesteps"), chart));

  function show() {
    scrub.value = at;
    now.textContent = animation.says[at];
    scrub.setAttribute("aria-valuetext", animation.says[at]);
    if (!sprites || !place) return; // still decoding, or out of sight and without a width
    tracks.forEach(({ canvas, caption, numbers }, k) => {
      const { alt, says, rows } = animation.tracks[k];
      paint(canvas, sprites[k], animation, rows?.[at] ?? at, place);
      canvas.setAttribute("aria-label", `${alt} at timestep ${animation.timesteps[at]}: ${animation.class_names.join(", ")}`);
      caption.style.maxWidth = canvas.style.width;
      numbers.textContent = says[at] ?? "";
    });
    charts.forEach((draw) => draw(at, animation.timesteps[at]));
    root.dataset.at = at;
  }

  function pause() {
    clearTimeout(timer);
    timer = null;
    play.textContent = "Play";
  }

  const over = () => (animation.way > 0 ? at >= last : at <= 0);

  function tick() {
    if (over()) return pause();
    at += animation.way;
    show();
    timer = setTimeout(tick, 1000 / Number(speed.value));
  }

  function start() {
    if (over()) at = animation.way > 0 ? 0 : last;
    show();
    play.textContent = "Pause";
    timer = setTimeout(tick, 1000 / Number(speed.value));
  }

  function go(to) {
    pause();
    at = Math.max(0, Math.min(last, to));
    show();
  }

  play.onclick = () => (timer ? pause() : start());
  $(".back").onclick = () => go(at - 1);
  $(".next").onclick = () => go(at + 1);
  scrub.oninput = () => go(Number(scrub.value));
  root.onkeydown = (event) => {
    const act = { ArrowLeft: () => go(at - 1), ArrowRight: () => go(at + 1), Home: () => go(0), End: () => go(last) }[event.key];
    const space = event.key === " " && event.target === root;
    if (!act && !space) return;
    if (event.target.tagName === "SELECT") return;
    event.preventDefault();
    space ? play.onclick() : act();
  };

  function fit() {
    if (!root.clientWidth) return;
    place = layout(animation, root.clientWidth);
    show();
  }
  const watch = new ResizeObserver(fit);
  Promise.all(animation.tracks.map((screen) => decode(screen.sprite))).then((ready) => {
    if (root.dataset.animation !== animation.id) return; // stopped, or another animation by now
    sprites = ready;
    fit();
    watch.observe(root);
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (animation.autoplay && !calm) start();
  }).catch(() => { now.textContent = "These images could not be read: load the page again."; });
  root.stop = () => {
    pause();
    watch.disconnect();
    delete root.dataset.animation;
  };
  show();
  return root.stop;
}
