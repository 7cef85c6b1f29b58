// Shows what the channels of one part say at one timestep; a click on a channel shows it at all timesteps.
export default function ({ data: animation, parentElement }) {
  const root = parentElement.querySelector(".player");
  if (root.dataset.animation === animation.id) return root.stop; // the page ran again with the same animation: stay where the person was
  root.stop?.();
  root.dataset.animation = animation.id;
  const stage = root.querySelector(".stage"), [height, width] = animation.size, [h, w] = animation.map;
  for (const part of root.querySelectorAll(".stage, .charts")) part.replaceChildren();
  const zoom = Math.max(1, Math.floor(animation.tile / w)), seen = Math.max(1, Math.floor(128 / width));
  const small = Math.max(1, Math.floor(animation.frame / w));
  let chosen = 0;

  const images = add(stage, "div", { class: "pair" });
  const tracks = animation.tracks.map(({ name, symbol, words, colour }) => {
    const figure = makeFigure(images, symbol, words, colour), canvas = makeCanvas(figure, width, height, seen, words);
    canvas.dataset.screen = name;
    figure.prepend(canvas);
    return canvas;
  });
  const side = add(stage, "div", { class: "side" }), tiles = add(side, "div", { class: "tiles" });
  const buttons = animation.channels.map((channel, k) => {
    const button = add(tiles, "button", { class: "tile", "aria-pressed": "false", "data-channel": channel });
    const canvas = makeCanvas(button, w, h, zoom, `channel ${channel}`), words = add(button, "span");
    button.onclick = () => { chosen = k; control.look(); };
    return { button, canvas, words };
  });
  const caption = add(side, "div", { class: "numbers" }), strip = add(side, "div", { class: "strip" });
  const frames = animation.timesteps.map((t, at) => {
    const button = add(strip, "button", { class: "tile", title: animation.says[at] }), canvas = makeCanvas(button, w, h, small, `timestep ${t}`);
    add(button, "span", {}, `${t}`);
    button.onclick = () => control.go(at);
    return { button, canvas };
  });
  const charts = animation.charts.map((chart) => makeChart(root.querySelector(".timesteps"), chart));

  const control = reel(root, animation, [...animation.tracks.map(({ sprite }) => sprite), animation.maps], (at, sprites) => {
    charts.forEach((draw) => draw(at, animation.timesteps[at]));
    caption.textContent = `Channel ${animation.channels[chosen]} at all timesteps: strength ${animation.strengths[at][chosen]} here`;
    buttons.forEach(({ button, words }, k) => {
      button.setAttribute("aria-pressed", k === chosen);
      words.textContent = `${animation.channels[k]}: ${animation.strengths[at][k]}`;
    });
    frames.forEach(({ button }, k) => button.setAttribute("aria-pressed", k === at));
    if (!sprites) return;
    tracks.forEach((canvas, k) => cut(canvas, sprites[k], at));
    buttons.forEach(({ canvas }, k) => cut(canvas, sprites.at(-1), at, k));
    frames.forEach(({ canvas }, k) => cut(canvas, sprites.at(-1), k, chosen));
  });
  return root.stop;
}
