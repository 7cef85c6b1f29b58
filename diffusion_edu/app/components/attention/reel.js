// What changes with the timestep, and the bar under it: plays, steps and scrubs through animation.timesteps. All timesteps are here already.
const PACE = 300; // milliseconds per timestep

function decode(url) {
  const image = new Image();
  image.src = url;
  return image.decode().then(() => image);
}

// A canvas of width x height pixels, each zoom x zoom on the screen and hard.
function makeCanvas(parent, width, height, zoom, label) {
  const canvas = add(parent, "canvas", { role: "img", "aria-label": label });
  [canvas.width, canvas.height] = [width, height];
  canvas.style.cssText = `width: ${width * zoom}px; height: ${height * zoom}px`;
  return canvas;
}

function makeFigure(parent, symbol, words, colour) {
  const figure = add(parent, "figure"), caption = add(figure, "figcaption");
  if (symbol) {
    const letter = add(caption, "span", { class: "name", style: `border-color: ${colour}` }, symbol[0]);
    add(letter, "sub", {}, symbol[1]);
  }
  add(caption, "span", { class: "words" }, words);
  return figure;
}

// Cut one image of width x height out of a sprite, at its row and column.
function cut(canvas, image, row, column = 0) {
  const { width, height } = canvas;
  canvas.getContext("2d").drawImage(image, column * width, row * height, width, height, 0, 0, width, height);
}

// Calls show(at, images) whenever there is something else to see; images, those that the URLs of sprites stand for, are null until they are read.
function reel(root, animation, sprites, show) {
  const $ = (name) => root.querySelector(name), last = animation.timesteps.length - 1;
  const [scrub, play, now] = [".scrub", ".play", ".now"].map($);
  let at = Math.min(last, root.dataset.at ? Number(root.dataset.at) : animation.start), timer = null, images = null;
  scrub.max = last;

  function look() {
    scrub.value = root.dataset.at = at;
    now.textContent = animation.says[at];
    scrub.setAttribute("aria-valuetext", animation.says[at]);
    show(at, images);
    if (images) root.dataset.painted = at;
  }
  function pause() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  }
  function go(to) {
    pause();
    at = Math.max(0, Math.min(last, to));
    look();
  }
  function start() {
    if (at >= last) at = -1;
    play.textContent = "Pause";
    timer = setInterval(() => { at += 1; look(); if (at >= last) pause(); }, PACE);
  }
  play.onclick = () => (timer ? pause() : start());
  $(".back").onclick = () => go(at - 1);
  $(".next").onclick = () => go(at + 1);
  scrub.oninput = () => go(Number(scrub.value));
  root.onkeydown = (event) => {
    const act = { ArrowLeft: () => go(at - 1), ArrowRight: () => go(at + 1), Home: () => go(0), End: () => go(last) }[event.key];
    const space = event.key === " " && event.target === root;
    if (!act && !space) return;
    event.preventDefault();
    space ? play.onclick() : act();
  };
  Promise.all(sprites.map(decode)).then((ready) => {
    if (root.dataset.animation !== animation.id) return;
    images = ready;
    look();
  }).catch(() => { now.textContent = "These images could not be read: load the page again."; });
  const watch = new ResizeObserver(look); // calls it at once, too
  watch.observe(root);
  root.stop = () => {
    pause();
    watch.disconnect();
    delete root.dataset.animation;
  };
  return { look, go };
}
