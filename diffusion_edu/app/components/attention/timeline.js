// The bar below the images: plays, steps and scrubs through animation.timesteps. All timesteps are in the browser already.
const STATES_PER_SECOND = 10 / 3;

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
  const last = animation.timesteps.length - 1;
  let images = null;
  const transport = makeTransport(root, {
    last,
    position: Math.min(last, root.dataset.at ? Number(root.dataset.at) : animation.start),
    statesPerSecond: () => STATES_PER_SECOND,
    caption: (index) => animation.captions[index],
    show: (_, index) => {
      root.dataset.at = index;
      show(index, images);
      if (images) root.dataset.painted = index;
    },
  });
  Promise.all(sprites.map(decode)).then((decoded) => {
    if (root.dataset.animation !== animation.id) return;
    images = decoded;
    transport.update();
  }).catch(() => { root.querySelector(".now").textContent = "These images could not be read: load the page again."; });
  const observer = new ResizeObserver(transport.update); // also calls it once at the start
  observer.observe(root);
  root.stop = () => {
    transport.pause();
    observer.disconnect();
    delete root.dataset.animation;
  };
  return transport;
}
