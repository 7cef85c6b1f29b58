// Shows where all places of a picture look among the words of its prompt, at every level: a word lights up the places that look at it,
// a place shows what it looks at.
const SMALL = 128, SEEN = 0.2; // pixels of the small pictures on the screen, and how much is seen of a place that does not look

const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)}%`;

export default function ({ data: film, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".player"), places = film.rows * film.columns, count = film.said.length;
  if (root.dataset.film === film.id) {
    if (Number(root.dataset.asked) !== film.word) root.choose(film.word);
    return root.stop;
  }
  root.stop?.();
  Object.assign(root.dataset, { film: film.id, asked: film.word });
  const stage = root.querySelector(".stage"), [height, width] = film.size, looks = unpackLooks(film.looks);
  let word = film.word, place = null;

  stage.after(root.querySelector(".bar")); // out of what is emptied
  for (const part of root.querySelectorAll(".stage, .charts")) part.replaceChildren();
  const large = makeFigure(stage, "", "", film.colour), picture = makePlaces(large, "The guess, light where it looks at the chosen word");
  const words = large.querySelector(".words"), pair = add(stage, "div", { class: "pair" });
  const seen = makeFigure(pair, ["x\u0302", "0"], "its guess", film.colour);
  const guess = makeCanvas(seen, width, height, Math.max(1, Math.floor(SMALL / width)), "The guess of the finished picture");
  guess.dataset.screen = "x0_hat";
  seen.prepend(guess);
  const plain = makeFigure(pair, "", "the looks alone: white looks most", film.colour);
  const map = makeCanvas(plain, film.columns, film.rows, Math.max(1, Math.floor(SMALL / film.columns)), "The looks alone, white where a place looks most");
  map.dataset.screen = "map";
  plain.prepend(map);
  const aside = add(stage, "div", { class: "side" });
  aside.append(root.querySelector(".bar")); // beside the pictures there is room for it
  const sum = add(aside, "div", { class: "numbers" });
  const list = add(aside, "div", { class: "words-of", role: "group", "aria-label": "The words of the prompt and their shares of all looks" });
  const buttons = film.said.map((name, k) => {
    const button = add(list, "button", { class: "word", "data-word": k });
    add(button, "span", {}, name);
    const says = add(button, "span");
    button.onclick = () => choose(k, true);
    return { button, says };
  });
  let chart = null;
  const longest = Math.max(...film.shares.flat()); // of all levels: a bar means the same at each

  const map_of = (at, k) => looks.subarray((at * count + k) * places, (at * count + k + 1) * places); // what each place gives to a word
  const given = (at) => (place === null ? film.shares[at] : film.said.map((_, k) => map_of(at, k)[place]));

  function drawPlot() {
    const curves = [{ label: film.said[word], colour: film.colour, dash: "", y: film.shares.map((row) => 100 * row[word]) }];
    if (word) curves.push({ label: film.said[0], colour: "currentColor", dash: film.dash, y: film.shares.map((row) => 100 * row[0]) });
    const alt = `Share of all looks that goes to ${film.said[word]}, over all levels, from noise, left, to the picture`;
    root.querySelector(".levels").replaceChildren();
    chart = makeChart(root.querySelector(".levels"), { title: "When it is looked at", alt, x: film.level, y: film.share, at: film.levels, series: curves, cursor: true });
  }

  const control = reel(root, film, [film.sprite], (at, sprites) => {
    const weights = Array.from(map_of(at, word)), [least, most] = [Math.min(...weights), Math.max(...weights)], shares = given(at);
    const shade = weights.map((weight) => (most > least ? (weight - least) / (most - least) : 1)); // from 0, looks least, to 1, looks most
    words.textContent = `“${film.said[word]}” gets ${percent(film.shares[at][word])} of all looks: ${percent(least)} where it is dark, ${percent(most)} where it is light, at ${where(weights.indexOf(most), film)}.`;
    sum.textContent = place === null ? "Where all places together look (100%). Click a word, or a place in the picture." : `Where ${where(place, film)} looks (100%). Click it again for all places.`;
    buttons.forEach(({ button, says }, k) => {
      button.setAttribute("aria-pressed", k === word);
      button.style.setProperty("--share", `${Math.min(100, (100 * shares[k]) / longest)}%`);
      says.textContent = percent(shares[k]);
    });
    chart?.(at, film.levels[at]);
    paintShades(map, shade);
    if (!sprites) return;
    spotlight(picture, sprites[0], at, film, shade, SEEN, place);
    cut(guess, sprites[0], at);
    Object.assign(root.dataset, { word, place: place ?? "" });
  });

  function choose(k, tell) {
    word = k;
    root.dataset.asked = k;
    drawPlot();
    control.look();
    if (tell) setTriggerValue("word", film.said[k]);
  }
  root.choose = (k) => choose(k, false);

  function ask(k) {
    place = k;
    control.look();
  }
  onPlaces(picture, film, () => place ?? 0, (k) => ask(k === place ? null : k), ask);
  picture.addEventListener("keydown", (event) => { if (event.key === "Escape") ask(null); });
  drawPlot();
  return root.stop;
}
