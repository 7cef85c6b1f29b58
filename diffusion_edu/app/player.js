// Shows one state of a recorded walk at a time. All states are here already: scrubbing costs no round trip.
const HIGHEST = 400; // pixels of screen that the pictures may take, so that the controls stay in view

function layout(film, width) {
  // The largest whole-number zoom at which all pictures fit into one screen, and how many stand in a row.
  for (let zoom = 8; zoom >= 1; zoom--) {
    const fit = Math.min(film.pictures, Math.floor(width / (film.width * zoom)));
    if (fit < 1) continue;
    const rows = Math.ceil(film.pictures / fit);
    if (rows * film.height * zoom <= HIGHEST || zoom === 1) return { zoom, columns: Math.ceil(film.pictures / rows), rows };
  }
  return { zoom: 1, columns: 1, rows: film.pictures };
}

function sprite(url) {
  const image = new Image();
  image.src = url;
  return image.decode().then(() => image);
}

export default function ({ data: film, parentElement }) {
  const root = parentElement.querySelector(".player");
  if (root.dataset.film === film.id) return root.stop; // the page ran again with the same film: play on
  if (root.stop) root.stop();
  root.dataset.film = film.id;
  const $ = (name) => root.querySelector(name);
  const [scrub, play, speed, now] = [".scrub", ".play", ".speed", ".now"].map($);
  const last = film.levels.length - 1;
  let at = last, timer = null, sprites = null, place = null;
  scrub.max = last;

  function paint(canvas, image) {
    const { columns, rows, zoom } = place;
    if (canvas.width !== columns * film.width || canvas.height !== rows * film.height) {
      canvas.width = columns * film.width;
      canvas.height = rows * film.height;
    }
    canvas.style.width = `${canvas.width * zoom}px`;
    canvas.style.height = `${canvas.height * zoom}px`;
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#808080";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    for (let k = 0; k < film.pictures; k++) {
      const [x, y] = [(k % columns) * film.width, Math.floor(k / columns) * film.height];
      pen.drawImage(image, k * film.width, at * film.height, film.width, film.height, x, y, film.width, film.height);
    }
  }

  function show() {
    scrub.value = at;
    const t = film.levels[at];
    const text = `level ${t} of ${film.T} · signal ${film.signal[at].toFixed(3)} · noise ${film.noise[at].toFixed(3)}`;
    now.textContent = text;
    scrub.setAttribute("aria-valuetext", text);
    if (!sprites || !place) return; // still decoding, or out of sight and without a width
    paint($("canvas.x"), sprites[0]);
    paint($("canvas.x0"), sprites[1]);
    const kinds = film.kinds.join(", ");
    $("canvas.x").setAttribute("aria-label", `Pictures under way at level ${t}: ${kinds}`);
    $("canvas.x0").setAttribute("aria-label", `Guesses of the clean pictures at level ${t}: ${kinds}`);
    root.dataset.at = at;
  }

  function pause() {
    clearTimeout(timer);
    timer = null;
    play.textContent = "Play";
  }

  function tick() {
    if (at >= last) return pause();
    at += 1;
    show();
    timer = setTimeout(tick, 1000 / Number(speed.value));
  }

  function start() {
    if (at >= last) at = 0;
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
    const width = root.clientWidth;
    if (!width) return;
    place = layout(film, width >= 560 ? (width - 24) / 2 : width);
    show();
  }
  const watch = new ResizeObserver(fit);
  Promise.all([sprite(film.x), sprite(film.x0_hat)]).then((ready) => {
    if (root.dataset.film !== film.id) return; // stopped, or another film by now
    sprites = ready;
    fit();
    watch.observe(root);
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (film.autoplay && !calm) start();
  }).catch(() => { now.textContent = "These pictures could not be read: load the page again."; });
  root.stop = () => {
    pause();
    watch.disconnect();
    delete root.dataset.film;
  };
  show();
  return root.stop;
}
