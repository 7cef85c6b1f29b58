// Shows where all places of a picture look among the words of its prompt, at every level: a word lights up the places that look at it,
// a place shows what it looks at.
const BIG = 256, SMALL = 128, DARKEST = 0.8; // pixels of the large picture and the small ones, and how dark a place is that does not look

function unpackLooks(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return Float32Array.from(new Uint16Array(bytes.buffer), (whole) => whole / 65535);
}

const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)}%`;

export default function ({ data: film, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".player"), places = film.side ** 2, count = film.columns.length;
  if (root.dataset.film === film.id) {
    if (Number(root.dataset.asked) !== film.word) root.choose(film.word);
    return root.stop;
  }
  root.stop?.();
  Object.assign(root.dataset, { film: film.id, asked: film.word });
  const stage = root.querySelector(".stage"), [height, width] = film.size, looks = unpackLooks(film.looks);
  let word = film.word, place = null, sprite = null;

  stage.after(root.querySelector(".bar")); // out of what is emptied
  for (const part of root.querySelectorAll(".stage, .charts")) part.replaceChildren();
  const large = makeFigure(stage, "", "", film.colour), picture = makeCanvas(large, BIG, BIG, 1, "The guess, light where it looks at the chosen word");
  picture.dataset.screen = "looks";
  picture.setAttribute("tabindex", "0");
  large.prepend(picture);
  const words = large.querySelector(".words"), pair = add(stage, "div", { class: "pair" });
  const seen = makeFigure(pair, ["x\u0302", "0"], "its guess", film.colour);
  const guess = makeCanvas(seen, width, height, Math.max(1, Math.floor(SMALL / width)), "The guess of the finished picture");
  guess.dataset.screen = "x0_hat";
  seen.prepend(guess);
  const plain = makeFigure(pair, "", "the looks alone: white looks most", film.colour);
  const map = makeCanvas(plain, film.side, film.side, Math.max(1, Math.floor(SMALL / film.side)), "The looks alone, white where a place looks most");
  map.dataset.screen = "map";
  plain.prepend(map);
  const aside = add(stage, "div", { class: "side" });
  aside.append(root.querySelector(".bar")); // beside the pictures there is room for it
  const sum = add(aside, "div", { class: "numbers" });
  const list = add(aside, "div", { class: "words-of", role: "group", "aria-label": "The words of the prompt and their shares of all looks" });
  const buttons = film.columns.map((name, k) => {
    const button = add(list, "button", { class: "word", "data-word": k });
    add(button, "span", {}, name);
    const says = add(button, "span");
    button.onclick = () => choose(k, true);
    return { button, says };
  });
  let chart = null;
  const longest = Math.max(...film.shares.flat()); // of all levels: a bar means the same at each

  const map_of = (at, k) => looks.subarray((at * count + k) * places, (at * count + k + 1) * places); // what each place gives to a word
  const where = (k) => `row ${Math.floor(k / film.side) + 1}, column ${(k % film.side) + 1}`;
  const given = (at) => (place === null ? film.shares[at] : film.columns.map((_, k) => map_of(at, k)[place]));

  function drawPlot() {
    const curves = [{ label: film.columns[word], colour: film.colour, dash: "", y: film.shares.map((row) => 100 * row[word]) }];
    if (word) curves.push({ label: film.columns[0], colour: "currentColor", dash: film.dash, y: film.shares.map((row) => 100 * row[0]) });
    const alt = `Share of all looks that goes to ${film.columns[word]}, over all levels, from noise, left, to the picture`;
    root.querySelector(".levels").replaceChildren();
    chart = makeChart(root.querySelector(".levels"), { title: "When it is looked at", alt, x: film.level, y: film.share, at: film.levels, series: curves, cursor: true });
  }

  function light(at, shade) {
    const pen = picture.getContext("2d"), cell = BIG / film.side;
    pen.imageSmoothingEnabled = false;
    pen.drawImage(sprite, 0, at * height, width, height, 0, 0, BIG, BIG);
    shade.forEach((share, k) => {
      pen.fillStyle = `rgba(0, 0, 0, ${DARKEST * (1 - share)})`;
      pen.fillRect((k % film.side) * cell, Math.floor(k / film.side) * cell, cell, cell);
    });
    if (place === null) return;
    for (const [colour, wide] of [["#000", 4], ["#fff", 2]]) {
      [pen.strokeStyle, pen.lineWidth] = [colour, wide];
      pen.strokeRect((place % film.side) * cell + 2, Math.floor(place / film.side) * cell + 2, cell - 4, cell - 4);
    }
  }

  const control = reel(root, film, (at) => {
    const weights = Array.from(map_of(at, word)), [least, most] = [Math.min(...weights), Math.max(...weights)], shares = given(at);
    const shade = weights.map((weight) => (most > least ? (weight - least) / (most - least) : 1)); // from 0, looks least, to 1, looks most
    words.textContent = `“${film.columns[word]}” gets ${percent(film.shares[at][word])} of all looks: ${percent(least)} where it is dark, ${percent(most)} where it is light, at ${where(weights.indexOf(most))}.`;
    sum.textContent = place === null ? "Where all places together look (100%). Click a word, or a place in the picture." : `Where ${where(place)} looks (100%). Click it again for all places.`;
    buttons.forEach(({ button, says }, k) => {
      button.setAttribute("aria-pressed", k === word);
      button.style.setProperty("--share", `${Math.min(100, (100 * shares[k]) / longest)}%`);
      says.textContent = percent(shares[k]);
    });
    chart?.(at, film.levels[at]);
    const pen = map.getContext("2d"), image = pen.createImageData(film.side, film.side);
    shade.forEach((share, k) => image.data.set([0, 1, 2].map(() => 255 * share).concat(255), 4 * k));
    pen.putImageData(image, 0, 0);
    if (!sprite) return;
    light(at, shade);
    cut(guess, sprite, at);
    Object.assign(root.dataset, { painted: at, word, place: place ?? "" });
  });

  function choose(k, tell) {
    word = k;
    root.dataset.asked = k;
    drawPlot();
    control.look();
    if (tell) setTriggerValue("word", film.columns[k]);
  }
  root.choose = (k) => choose(k, false);

  function ask(k) {
    place = k === place ? null : k;
    control.look();
  }
  picture.onclick = ({ offsetX, offsetY }) => {
    const at = (offset, whole) => Math.max(0, Math.min(film.side - 1, Math.floor((offset / whole) * film.side)));
    ask(at(offsetY, picture.clientHeight) * film.side + at(offsetX, picture.clientWidth));
  };
  picture.onkeydown = (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    const inside = (k) => Math.max(0, Math.min(film.side - 1, k)), now = place ?? 0;
    place = step ? inside(Math.floor(now / film.side) + step[0]) * film.side + inside((now % film.side) + step[1]) : null;
    control.look();
  };
  decode(film.sprite).then((ready) => {
    if (root.dataset.film !== film.id) return;
    sprite = ready;
    control.look();
  }).catch(() => { root.querySelector(".now").textContent = "These pictures could not be read: load the page again."; });
  const watch = new ResizeObserver(() => control.look());
  watch.observe(root);
  root.stop = () => {
    control.pause();
    watch.disconnect();
    delete root.dataset.film;
  };
  drawPlot();
  control.look();
  return root.stop;
}
