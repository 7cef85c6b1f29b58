// Shows the attention weights of one position of an image, per head and on average, at every timestep; a click selects another position.
const HEAD = 80, FLOOR = 0.35; // pixels of a head's map on the screen; brightness of a position with no attention

export default function ({ data: animation, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".player"), { heads, rows, columns } = animation, positions = rows * columns;
  const requested = String(animation.position);
  if (root.dataset.animation === animation.id) {
    if (root.dataset.requested !== requested) root.select(animation.position);
    return root.stop;
  }
  root.stop?.();
  Object.assign(root.dataset, { animation: animation.id, requested });
  root.querySelector(".stage").replaceChildren();
  const stage = root.querySelector(".stage"), [height, width] = animation.size, weights = unpackWeights(animation.weights);
  let position = animation.position[0] * columns + animation.position[1], head = 0;

  const large = makeFigure(stage, animation.tracks[0].symbol, "", animation.tracks[0].colour);
  const image = makeAttentionImage(large, "The image, light where the selected position attends");
  const words = large.querySelector(".words"), grid = add(stage, "div", { class: "heads" });
  const cell = Math.max(1, Math.floor(HEAD / columns));
  const buttons = Array.from({ length: heads + 1 }, (_, k) => {
    const button = add(grid, "button", { class: "tile", "data-head": k });
    const canvas = makeCanvas(button, columns, rows, cell, k ? `head ${k}` : "all heads"), label = add(button, "span");
    button.onclick = () => { head = k; control.update(); };
    return { button, canvas, label };
  });
  const pair = add(stage, "div", { class: "pair" });
  const tracks = animation.tracks.map((track) => makeTrack(pair, track, width, height, Math.max(1, Math.floor(128 / width))));
  const off = add(pair, "div", { class: "numbers" });

  function row(index, one) { // the weights of `position` at timestep number `index`: of one head, or with 0 the average of all heads
    const from = (k) => ((index * heads + k) * positions + position) * positions;
    if (one) return weights.subarray(from(one - 1), from(one - 1) + positions);
    const mean = new Float32Array(positions);
    for (let k = 0; k < heads; k++) for (let j = 0; j < positions; j++) mean[j] += weights[from(k) + j] / heads;
    return mean;
  }

  const perplexity = (values) => Math.exp(values.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0));
  const rowColumn = (k) => [Math.floor(k / columns), k % columns];

  function brightness(values) {
    const largest = Math.max(...values);
    return values.map((value) => value / largest);
  }

  const control = timeline(root, animation, animation.tracks.map(({ sprite }) => sprite), (index, sprites) => {
    const shown = row(index, head), best = shown.indexOf(Math.max(...shown)), sum = shown.reduce((a, b) => a + b, 0);
    words.textContent = `${head ? `head ${head}` : "all heads"} from ${positionName(position, animation)}: the largest weight, ${(100 * shown[best]).toFixed(1)}%, is at ${positionName(best, animation)}. The weights sum to ${sum.toFixed(2)}.`;
    buttons.forEach(({ button, canvas, label }, k) => {
      const values = row(index, k);
      paintMap(canvas, brightness(values));
      button.setAttribute("aria-pressed", k === head);
      label.textContent = `${k ? `head ${k}` : "average"}: ${perplexity(Array.from(values)).toFixed(0)}`;
    });
    off.textContent = animation.differences[index];
    if (!sprites) return;
    paintAttention(image, sprites[0], index, animation, brightness(shown), FLOOR, position);
    tracks.forEach((canvas, k) => drawCell(canvas, sprites[k], index));
    root.dataset.position = position;
  });

  function select(to, report) {
    position = to;
    root.dataset.requested = String(rowColumn(position));
    control.update();
    if (report) setTriggerValue("position", rowColumn(position));
  }
  root.select = (to) => select(to[0] * columns + to[1], false);
  onPosition(image, animation, () => position, (to) => select(to, true));
  return root.stop;
}
