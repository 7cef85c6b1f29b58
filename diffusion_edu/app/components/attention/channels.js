// Shows what the channels of one part say at one level; a click on a channel shows it at all levels.
export default function ({ data: film, parentElement }) {
  const root = parentElement.querySelector(".player");
  if (root.dataset.film === film.id) return root.stop; // the page ran again with the same film: stay where the person was
  root.stop?.();
  root.dataset.film = film.id;
  const stage = root.querySelector(".stage"), [height, width] = film.size, [h, w] = film.map;
  for (const part of root.querySelectorAll(".stage, .charts")) part.replaceChildren();
  const zoom = Math.max(1, Math.floor(film.tile / w)), seen = Math.max(1, Math.floor(128 / width));
  const small = Math.max(1, Math.floor(film.frame / w));
  let chosen = 0;

  const pictures = add(stage, "div", { class: "pair" });
  const screens = film.screens.map(({ name, symbol, words, colour }) => {
    const figure = makeFigure(pictures, symbol, words, colour), canvas = makeCanvas(figure, width, height, seen, words);
    canvas.dataset.screen = name;
    figure.prepend(canvas);
    return canvas;
  });
  const side = add(stage, "div", { class: "side" }), tiles = add(side, "div", { class: "tiles" });
  const buttons = film.channels.map((channel, k) => {
    const button = add(tiles, "button", { class: "tile", "aria-pressed": "false", "data-channel": channel });
    const canvas = makeCanvas(button, w, h, zoom, `channel ${channel}`), words = add(button, "span");
    button.onclick = () => { chosen = k; control.look(); };
    return { button, canvas, words };
  });
  const caption = add(side, "div", { class: "numbers" }), strip = add(side, "div", { class: "strip" });
  const frames = film.levels.map((t, at) => {
    const button = add(strip, "button", { class: "tile", title: film.says[at] }), canvas = makeCanvas(button, w, h, small, `level ${t}`);
    add(button, "span", {}, `${t}`);
    button.onclick = () => control.go(at);
    return { button, canvas };
  });
  const charts = film.charts.map((chart) => makeChart(root.querySelector(".levels"), chart));

  const control = reel(root, film, [...film.screens.map(({ sprite }) => sprite), film.maps], (at, sprites) => {
    charts.forEach((draw) => draw(at, film.levels[at]));
    caption.textContent = `Channel ${film.channels[chosen]} at all levels: strength ${film.strengths[at][chosen]} here`;
    buttons.forEach(({ button, words }, k) => {
      button.setAttribute("aria-pressed", k === chosen);
      words.textContent = `${film.channels[k]}: ${film.strengths[at][k]}`;
    });
    frames.forEach(({ button }, k) => button.setAttribute("aria-pressed", k === at));
    if (!sprites) return;
    screens.forEach((canvas, k) => cut(canvas, sprites[k], at));
    buttons.forEach(({ canvas }, k) => cut(canvas, sprites.at(-1), at, k));
    frames.forEach(({ canvas }, k) => cut(canvas, sprites.at(-1), k, chosen));
  });
  return root.stop;
}
