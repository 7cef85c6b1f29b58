// Shows where one place of an image looks, head by head and on average, at every timestep; a click moves the place.
const SMALL = 80, SEEN = 0.35; // pixels of a head on the screen, and how much is seen of a place that is not looked at

export default function ({ data: animation, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".player"), { heads, rows, columns } = animation, places = rows * columns;
  const asked = String(animation.place);
  if (root.dataset.animation === animation.id) {
    if (root.dataset.asked !== asked) root.move(animation.place);
    return root.stop;
  }
  root.stop?.();
  Object.assign(root.dataset, { animation: animation.id, asked });
  root.querySelector(".stage").replaceChildren();
  const stage = root.querySelector(".stage"), [height, width] = animation.size, looks = unpackLooks(animation.looks);
  let place = animation.place[0] * columns + animation.place[1], head = 0;

  const large = makeFigure(stage, animation.tracks[0].symbol, "", animation.tracks[0].colour);
  const image = makePlaces(large, "The image, light where the chosen place looks");
  const words = large.querySelector(".words"), grid = add(stage, "div", { class: "heads" });
  const cell = Math.max(1, Math.floor(SMALL / columns));
  const buttons = Array.from({ length: heads + 1 }, (_, k) => {
    const button = add(grid, "button", { class: "tile", "data-head": k });
    const canvas = makeCanvas(button, columns, rows, cell, k ? `head ${k}` : "all heads"), says = add(button, "span");
    button.onclick = () => { head = k; control.look(); };
    return { button, canvas, says };
  });
  const pair = add(stage, "div", { class: "pair" });
  const tracks = animation.tracks.map(({ name, symbol, words: says, colour }) => {
    const figure = makeFigure(pair, symbol, says, colour), canvas = makeCanvas(figure, width, height, Math.max(1, Math.floor(128 / width)), says);
    canvas.dataset.screen = name;
    figure.prepend(canvas);
    return canvas;
  });
  const off = add(pair, "div", { class: "numbers" });

  function row(at, one) { // where `place` looks at timestep number `at`: one head, or 0 for the average of all
    const from = (k) => ((at * heads + k) * places + place) * places;
    if (one) return looks.subarray(from(one - 1), from(one - 1) + places);
    const mean = new Float32Array(places);
    for (let k = 0; k < heads; k++) for (let j = 0; j < places; j++) mean[j] += looks[from(k) + j] / heads;
    return mean;
  }

  const spread = (weights) => Math.exp(weights.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0));
  const split = (k) => [Math.floor(k / columns), k % columns];

  function shades(weights) {
    const most = Math.max(...weights);
    return weights.map((weight) => weight / most);
  }

  const control = reel(root, animation, animation.tracks.map(({ sprite }) => sprite), (at, sprites) => {
    const seen = row(at, head), best = seen.indexOf(Math.max(...seen));
    const sum = seen.reduce((a, b) => a + b, 0);
    words.textContent = `${head ? `head ${head}` : "all heads"} from ${where(place, animation)}: most, ${(100 * seen[best]).toFixed(1)}%, to ${where(best, animation)}. The row sums to ${sum.toFixed(2)}.`;
    buttons.forEach(({ button, canvas, says }, k) => {
      const weights = row(at, k);
      paintShades(canvas, shades(weights));
      button.setAttribute("aria-pressed", k === head);
      says.textContent = `${k ? `head ${k}` : "average"}: ${spread(Array.from(weights)).toFixed(0)}`;
    });
    off.textContent = animation.apart[at];
    if (!sprites) return;
    spotlight(image, sprites[0], at, animation, shades(seen), SEEN, place);
    tracks.forEach((canvas, k) => cut(canvas, sprites[k], at));
    root.dataset.place = place;
  });

  function move(to, tell) {
    place = to;
    root.dataset.asked = String(split(place));
    control.look();
    if (tell) setTriggerValue("place", split(place));
  }
  root.move = (to) => move(to[0] * columns + to[1], false);
  onPlaces(image, animation, () => place, (to) => move(to, true));
  return root.stop;
}
