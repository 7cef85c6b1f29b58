// Shows the cross-attention weights between the positions of an image and the words of its prompt, at every timestep. A selected word
// lights up the positions that attend to it; a selected position shows how its attention is divided among the words.
const SMALL = 128, FLOOR = 0.2; // pixels of the small images on the screen; brightness of the position with the least attention

const percent = (fraction) => `${(100 * fraction).toFixed(fraction < 0.0995 ? 1 : 0)}%`;

export default function ({ data: animation, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".player"), positions = animation.rows * animation.columns, count = animation.words.length;
  if (root.dataset.animation === animation.id) {
    if (Number(root.dataset.requested) !== animation.word) root.select(animation.word);
    return root.stop;
  }
  root.stop?.();
  Object.assign(root.dataset, { animation: animation.id, requested: animation.word });
  const stage = root.querySelector(".stage"), [height, width] = animation.size, weights = unpackWeights(animation.weights);
  let word = animation.word, position = null;

  stage.after(root.querySelector(".bar")); // out of the stage before the stage is emptied
  for (const part of root.querySelectorAll(".stage, .charts")) part.replaceChildren();
  const large = makeFigure(stage, "", "", animation.colour);
  const image = makeAttentionImage(large, "The prediction, light where it attends to the selected word");
  const words = large.querySelector(".words"), pair = add(stage, "div", { class: "pair" });
  const track = { name: "x0_hat", symbol: ["x\u0302", "0"], words: "predicted clean image", colour: animation.colour };
  const prediction = makeTrack(pair, track, width, height, Math.max(1, Math.floor(SMALL / width)));
  const about = { name: "map", symbol: "", words: "attention weights: white is the largest", colour: animation.colour };
  const map = makeTrack(pair, about, animation.columns, animation.rows, Math.max(1, Math.floor(SMALL / animation.columns)));
  const aside = add(stage, "div", { class: "side" });
  aside.append(root.querySelector(".bar")); // there is room for it beside the images
  const sum = add(aside, "div", { class: "numbers" });
  const list = add(aside, "div", { class: "word-list", role: "group", "aria-label": "The words of the prompt and the fraction of attention that each gets" });
  const buttons = animation.words.map((name, k) => {
    const button = add(list, "button", { class: "word", "data-word": k });
    add(button, "span", {}, name);
    const label = add(button, "span");
    button.onclick = () => select(k, true);
    return { button, label };
  });
  let chart = null;
  const longest = Math.max(...animation.fractions.flat()); // over all timesteps, so that a bar means the same at each of them

  const weightsOf = (index, k) => weights.subarray((index * count + k) * positions, (index * count + k + 1) * positions); // of one word, at all positions
  const divided = (index) => (position === null ? animation.fractions[index] : animation.words.map((_, k) => weightsOf(index, k)[position]));

  function drawChart() {
    const series = (k, colour, dash) => ({ label: animation.words[k], colour, dash, y: animation.fractions.map((row) => 100 * row[k]) });
    const curves = [series(word, animation.colour, "")];
    if (word) curves.push(series(0, "currentColor", animation.dash));
    const alt = `Fraction of the attention that goes to ${animation.words[word]} over all timesteps, from noise, left, to the image`;
    root.querySelector(".timesteps").replaceChildren();
    chart = makeChart(root.querySelector(".timesteps"), { title: "Attention over the timesteps", alt, x: animation.x_axis, y: animation.y_axis, at: animation.timesteps, series: curves, cursor: true }, { plotly: animation.plotly, timesteps: animation.timesteps, seek: (state) => control.seek(state) });
  }

  const control = timeline(root, animation, [animation.sprite], (index, sprites) => {
    const values = Array.from(weightsOf(index, word)), [least, most] = [Math.min(...values), Math.max(...values)], fractions = divided(index);
    const brightness = values.map((value) => (most > least ? (value - least) / (most - least) : 1)); // 0: least attention, 1: most
    words.textContent = `“${animation.words[word]}” gets ${percent(animation.fractions[index][word])} of the attention: ${percent(least)} where it is dark, ${percent(most)} where it is light, at ${positionName(values.indexOf(most), animation)}.`;
    sum.textContent = position === null ? "Attention of all positions together (100%). Click a word, or a position in the image." : `Attention of ${positionName(position, animation)} (100%). Click it again for all positions.`;
    buttons.forEach(({ button, label }, k) => {
      button.setAttribute("aria-pressed", k === word);
      button.style.setProperty("--fraction", `${Math.min(100, (100 * fractions[k]) / longest)}%`);
      label.textContent = percent(fractions[k]);
    });
    chart?.(index, animation.timesteps[index]);
    paintMap(map, brightness);
    if (!sprites) return;
    paintAttention(image, sprites[0], index, animation, brightness, FLOOR, position);
    drawCell(prediction, sprites[0], index);
    Object.assign(root.dataset, { word, position: position ?? "" });
  });

  function select(k, report) {
    word = k;
    root.dataset.requested = k;
    drawChart();
    control.update();
    if (report) setTriggerValue("word", animation.words[k]);
  }
  root.select = (k) => select(k, false);

  function selectPosition(k) {
    position = k;
    control.update();
  }
  onPosition(image, animation, () => position ?? 0, (k) => selectPosition(k === position ? null : k), selectPosition);
  image.addEventListener("keydown", (event) => { if (event.key === "Escape") selectPosition(null); });
  drawChart();
  return root.stop;
}
