// Shows where one place of a picture looks, head by head and on average, at every level; a click moves the place.
const BIG = 256, SMALL = 80, DARKEST = 0.65; // pixels of the large picture and of a head, and how dark a place is that is not looked at

function unpackLooks(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return Float32Array.from(new Uint16Array(bytes.buffer), (whole) => whole / 65535);
}

export default function ({ data: film, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".player"), { heads, rows, columns } = film, places = rows * columns;
  const asked = String(film.place);
  if (root.dataset.film === film.id) {
    if (root.dataset.asked !== asked) root.move(film.place);
    return root.stop;
  }
  root.stop?.();
  Object.assign(root.dataset, { film: film.id, asked });
  root.querySelector(".stage").replaceChildren();
  const stage = root.querySelector(".stage"), [height, width] = film.size, looks = unpackLooks(film.looks);
  let place = film.place[0] * columns + film.place[1], head = 0, sprites = null;

  const large = makeFigure(stage, film.screens[0].symbol, "", film.screens[0].colour);
  const picture = makeCanvas(large, BIG, BIG, 1, "The picture, light where the chosen place looks");
  picture.dataset.screen = "looks";
  picture.setAttribute("tabindex", "0");
  large.prepend(picture);
  const words = large.querySelector(".words"), grid = add(stage, "div", { class: "heads" });
  const cell = Math.max(1, Math.floor(SMALL / columns));
  const buttons = Array.from({ length: heads + 1 }, (_, k) => {
    const button = add(grid, "button", { class: "tile", "data-head": k });
    const canvas = makeCanvas(button, columns, rows, cell, k ? `head ${k}` : "all heads"), says = add(button, "span");
    button.onclick = () => { head = k; control.look(); };
    return { button, canvas, says };
  });
  const pair = add(stage, "div", { class: "pair" });
  const screens = film.screens.map(({ name, symbol, words: says, colour }) => {
    const figure = makeFigure(pair, symbol, says, colour), canvas = makeCanvas(figure, width, height, Math.max(1, Math.floor(128 / width)), says);
    canvas.dataset.screen = name;
    figure.prepend(canvas);
    return canvas;
  });
  const off = add(pair, "div", { class: "numbers" });

  function row(at, one) { // where `place` looks at level number `at`: one head, or 0 for the average of all
    const from = (k) => ((at * heads + k) * places + place) * places;
    if (one) return looks.subarray(from(one - 1), from(one - 1) + places);
    const mean = new Float32Array(places);
    for (let k = 0; k < heads; k++) for (let j = 0; j < places; j++) mean[j] += looks[from(k) + j] / heads;
    return mean;
  }

  function spotlight(at, weights) {
    const pen = picture.getContext("2d"), most = Math.max(...weights), [x, y] = [BIG / columns, BIG / rows];
    pen.imageSmoothingEnabled = false;
    pen.drawImage(sprites[0], 0, at * height, width, height, 0, 0, BIG, BIG);
    weights.forEach((weight, k) => {
      pen.fillStyle = `rgba(0, 0, 0, ${DARKEST * (1 - weight / most)})`;
      pen.fillRect((k % columns) * x, Math.floor(k / columns) * y, x, y);
    });
    for (const [colour, wide] of [["#000", 4], ["#fff", 2]]) {
      [pen.strokeStyle, pen.lineWidth] = [colour, wide];
      pen.strokeRect((place % columns) * x + 2, Math.floor(place / columns) * y + 2, x - 4, y - 4);
    }
  }

  function small(canvas, weights) {
    const pen = canvas.getContext("2d"), image = pen.createImageData(columns, rows), most = Math.max(...weights);
    weights.forEach((weight, k) => image.data.set([0, 1, 2].map(() => 255 * weight / most).concat(255), 4 * k));
    pen.putImageData(image, 0, 0);
  }

  const spread = (weights) => Math.exp(weights.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0));

  const control = reel(root, film, (at) => {
    const seen = row(at, head), best = seen.indexOf(Math.max(...seen));
    const where = (k) => `row ${Math.floor(k / columns) + 1}, column ${(k % columns) + 1}`;
    const sum = seen.reduce((a, b) => a + b, 0);
    words.textContent = `${head ? `head ${head}` : "all heads"} from ${where(place)}: most, ${(100 * seen[best]).toFixed(1)}%, to ${where(best)}. The row sums to ${sum.toFixed(2)}.`;
    buttons.forEach(({ button, canvas, says }, k) => {
      const weights = row(at, k);
      small(canvas, weights);
      button.setAttribute("aria-pressed", k === head);
      says.textContent = `${k ? `head ${k}` : "average"}: ${spread(Array.from(weights)).toFixed(0)}`;
    });
    off.textContent = film.apart[at];
    if (!sprites) return;
    spotlight(at, seen);
    screens.forEach((canvas, k) => cut(canvas, sprites[k], at));
    Object.assign(root.dataset, { painted: at, place });
  });

  function move(to, tell) {
    place = Math.max(0, Math.min(rows - 1, to[0])) * columns + Math.max(0, Math.min(columns - 1, to[1]));
    root.dataset.asked = String([Math.floor(place / columns), place % columns]);
    control.look();
    if (tell) setTriggerValue("place", [Math.floor(place / columns), place % columns]);
  }
  root.move = (to) => move(to, false);
  picture.onclick = ({ offsetX, offsetY }) => move([Math.floor((offsetY / picture.clientHeight) * rows), Math.floor((offsetX / picture.clientWidth) * columns)], true);
  picture.onkeydown = (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    move([Math.floor(place / columns) + step[0], (place % columns) + step[1]], true);
  };
  Promise.all(film.screens.map(({ sprite }) => decode(sprite))).then((ready) => {
    if (root.dataset.film !== film.id) return;
    sprites = ready;
    control.look();
  }).catch(() => { root.querySelector(".now").textContent = "These pictures could not be read: load the page again."; });
  root.stop = () => {
    control.pause();
    delete root.dataset.film;
  };
  control.look();
  return root.stop;
}
