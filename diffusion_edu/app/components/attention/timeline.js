// The bar below the images: plays, steps and scrubs through animation.timesteps. All timesteps are in the browser already.
const MILLISECONDS = 300; // per timestep

function decode(url) {
  const image = new Image();
  image.src = url;
  return image.decode().then(() => image);
}

// A canvas of width x height pixels; every pixel is a hard square of zoom x zoom on the screen.
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

// A figure with a canvas of one track of the animation.
function makeTrack(parent, { name, symbol, words, colour }, width, height, zoom) {
  const figure = makeFigure(parent, symbol, words, colour), canvas = makeCanvas(figure, width, height, zoom, words);
  canvas.dataset.track = name;
  figure.prepend(canvas);
  return canvas;
}

// Copy the image at one row and column of a sprite to a canvas of the same size.
function drawCell(canvas, sprite, row, column = 0) {
  const { width, height } = canvas;
  canvas.getContext("2d").drawImage(sprite, column * width, row * height, width, height, 0, 0, width, height);
}

// Call show(index, images) whenever something changes; images are the decoded sprites, null until they are ready.
function timeline(root, animation, sprites, show) {
  const $ = (name) => root.querySelector(name), last = animation.timesteps.length - 1;
  const [scrub, play, now] = [".scrub", ".play", ".now"].map($);
  let index = Math.min(last, root.dataset.at ? Number(root.dataset.at) : animation.start), timer = null, images = null;
  scrub.max = last;

  function update() {
    scrub.value = root.dataset.at = index;
    now.textContent = animation.captions[index];
    scrub.setAttribute("aria-valuetext", animation.captions[index]);
    show(index, images);
    if (images) root.dataset.painted = index;
  }
  function pause() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  }
  function seek(to) {
    pause();
    index = Math.max(0, Math.min(last, to));
    update();
  }
  function start() {
    if (index >= last) index = -1;
    play.textContent = "Pause";
    timer = setInterval(() => { index += 1; update(); if (index >= last) pause(); }, MILLISECONDS);
  }
  play.onclick = () => (timer ? pause() : start());
  $(".back").onclick = () => seek(index - 1);
  $(".next").onclick = () => seek(index + 1);
  scrub.oninput = () => seek(Number(scrub.value));
  root.onkeydown = (event) => {
    const act = { ArrowLeft: () => seek(index - 1), ArrowRight: () => seek(index + 1), Home: () => seek(0), End: () => seek(last) }[event.key];
    const space = event.key === " " && event.target === root;
    if (!act && !space) return;
    event.preventDefault();
    space ? play.onclick() : act();
  };
  Promise.all(sprites.map(decode)).then((ready) => {
    if (root.dataset.animation !== animation.id) return;
    images = ready;
    update();
  }).catch(() => { now.textContent = "These images could not be read: load the page again."; });
  const observer = new ResizeObserver(update); // also calls it once at the start
  observer.observe(root);
  root.stop = () => {
    pause();
    observer.disconnect();
    delete root.dataset.animation;
  };
  return { update, seek };
}
