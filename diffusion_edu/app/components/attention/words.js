// Shows where all places of an image look among the words of its prompt, at every timestep: a word lights up the places that look at it,
// a place shows what it looks at.
const SMALL = 128, SEEN = 0.2; // pixels of the small images on the screen, and how much is seen of a place that does not look

const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)}%`;

export default function ({ data: animation, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".player"), places = animation.rows * animation.columns, count = animation.said.length;
  if (root.dataset.animation === animation.id) {
    if (Number(root.dataset.asked) !== animation.word) root.choose(animation.word);
    return root.stop;
  }
  root.stop?.();
  Object.assign(root.dataset, { animation: animation.id, asked: animation.word });
  const stage = root.querySelector(".stage"), [height, width] = animation.size, looks = unpackLooks(animation.looks);
  let word = animation.word, place = null;

  stage.after(root.querySelector(".bar")); // out of what is emptied
  for (const part of root.querySelectorAll(".stage, .charts")) part.replaceChildren();
  const large = makeFigure(stage, "", "", animation.colour), image = makePlaces(large, "The prediction, light where it looks at the chosen word");
  const words = large.querySelector(".words"), pair = add(stage, "div", { class: "pair" });
  const seen = makeFigure(pair, ["x\u0302", "0"], "its prediction", animation.colour);
  const prediction = makeCanvas(seen, width, height, Math.max(1, Math.floor(SMALL / width)), "The prediction of the finished image");
  prediction.dataset.screen = "x0_hat";
  seen.prepend(prediction);
  const plain = makeFigure(pair, "", "the looks alone: white looks most", animation.colour);
  const map = makeCanvas(plain, animation.columns, animation.rows, Math.max(1, Math.floor(SMALL / animation.columns)), "The looks alone, white where a place looks most");
  map.dataset.screen = "map";
  plain.prepend(map);
  const aside = add(stage, "div", { class: "side" });
  aside.append(root.querySelector(".bar")); // beside the images there is room for it
  const sum = add(aside, "div", { class: "numbers" });
  const list = add(aside, "div", { class: "words-of", role: "group", "aria-label": "The words of the prompt and their fractions of all looks" });
  const buttons = animation.said.map((name, k) => {
    const button = add(list, "button", { class: "word", "data-word": k });
    add(button, "span", {}, name);
    const says = add(button, "span");
    button.onclick = () => choose(k, true);
    return { button, says };
  });
  let chart = null;
  const longest = Math.max(...animation.shares.flat()); // of all timesteps: a bar means the same at each

  const map_of = (at, k) => looks.subarray((at * count + k) * places, (at * count + k + 1) * places); // what each place gives to a word
  const given = (at) => (place === null ? animation.shares[at] : animation.said.map((_, k) => map_of(at, k)[place]));

  function drawPlot() {
    const curves = [{ label: animation.said[word], colour: animation.colour, dash: "", y: animation.shares.map((row) => 100 * row[word]) }];
    if (word) curves.push({ label: animation.said[0], colour: "currentColor", dash: animation.dash, y: animation.shares.map((row) => 100 * row[0]) });
    const alt = `Share of all looks that goes to ${animation.said[word]}, over all timesteps, from noise, left, to the image`;
    root.querySelector(".timesteps").replaceChildren();
    chart = makeChart(root.querySelector(".timesteps"), { title: "When it is looked at", alt, x: animation.timestep, y: animation.fraction, at: animation.timesteps, series: curves, cursor: true });
  }

  const control = reel(root, animation, [animation.sprite], (at, sprites) => {
    const weights = Array.from(map_of(at, word)), [least, most] = [Math.min(...weights), Math.max(...weights)], shares = given(at);
    const shade = weights.map((weight) => (most > least ? (weight - least) / (most - least) : 1)); // from 0, looks least, to 1, looks most
    words.textContent = `“${animation.said[word]}” gets ${percent(animation.shares[at][word])} of all looks: ${percent(least)} where it is dark, ${percent(most)} where it is light, at ${where(weights.indexOf(most), animation)}.`;
    sum.textContent = place === null ? "Where all places together look (100%). Click a word, or a place in the image." : `Where ${where(place, animation)} looks (100%). Click it again for all places.`;
    buttons.forEach(({ button, says }, k) => {
      button.setAttribute("aria-pressed", k === word);
      button.style.setProperty("--share", `${Math.min(100, (100 * shares[k]) / longest)}%`);
      says.textContent = percent(shares[k]);
    });
    chart?.(at, animation.timesteps[at]);
    paintShades(map, shade);
    if (!sprites) return;
    spotlight(image, sprites[0], at, animation, shade, SEEN, place);
    cut(prediction, sprites[0], at);
    Object.assign(root.dataset, { word, place: place ?? "" });
  });

  function choose(k, tell) {
    word = k;
    root.dataset.asked = k;
    drawPlot();
    control.look();
    if (tell) setTriggerValue("word", animation.said[k]);
  }
  root.choose = (k) => choose(k, false);

  function ask(k) {
    place = k;
    control.look();
  }
  onPlaces(image, animation, () => place ?? 0, (k) => ask(k === place ? null : k), ask);
  image.addEventListener("keydown", (event) => { if (event.key === "Escape") ask(null); });
  drawPlot();
  return root.stop;
}
