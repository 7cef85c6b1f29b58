// Shows the channels of one part of a network at one timestep; a click on a channel shows it at all timesteps.
export default function ({ data: animation, parentElement }) {
  const root = parentElement.querySelector(".player");
  if (root.dataset.animation === animation.id) return root.stop; // the page ran again with the same animation: keep the position
  root.stop?.();
  root.dataset.animation = animation.id;
  const stage = root.querySelector(".stage"), [height, width] = animation.size, [h, w] = animation.map_size;
  for (const part of root.querySelectorAll(".stage, .charts")) part.replaceChildren();
  const zoom = Math.max(1, Math.floor(animation.tile / w)), imageZoom = Math.max(1, Math.floor(128 / width));
  const thumbnailZoom = Math.max(1, Math.floor(animation.thumbnail / w));
  let selected = 0;

  const images = add(stage, "div", { class: "pair" });
  const tracks = animation.tracks.map((track) => makeTrack(images, track, width, height, imageZoom));
  const side = add(stage, "div", { class: "side" }), tiles = add(side, "div", { class: "tiles" });
  const buttons = animation.channels.map((channel, k) => {
    const button = add(tiles, "button", { class: "tile", "aria-pressed": "false", "data-channel": channel });
    const canvas = makeCanvas(button, w, h, zoom, `channel ${channel}`), words = add(button, "span");
    button.onclick = () => { selected = k; control.update(); };
    return { button, canvas, words };
  });
  const caption = add(side, "div", { class: "numbers" }), strip = add(side, "div", { class: "strip" });
  const frames = animation.timesteps.map((t, index) => {
    const button = add(strip, "button", { class: "tile", title: animation.captions[index] });
    const canvas = makeCanvas(button, w, h, thumbnailZoom, `timestep ${t}`);
    add(button, "span", {}, `${t}`);
    button.onclick = () => control.seek(index);
    return { button, canvas };
  });
  const charts = animation.charts.map((chart) => makeChart(root.querySelector(".timesteps"), chart, { plotly: animation.plotly, timesteps: animation.timesteps, seek: (state) => control.seek(state) }));

  const control = timeline(root, animation, [...animation.tracks.map(({ sprite }) => sprite), animation.maps], (index, sprites) => {
    charts.forEach((draw) => draw(index, animation.timesteps[index]));
    caption.textContent = `Channel ${animation.channels[selected]} at all timesteps; its standard deviation here: ${animation.strengths[index][selected]}`;
    buttons.forEach(({ button, words }, k) => {
      button.setAttribute("aria-pressed", k === selected);
      words.textContent = `${animation.channels[k]}: ${animation.strengths[index][k]}`;
    });
    frames.forEach(({ button }, k) => button.setAttribute("aria-pressed", k === index));
    if (!sprites) return;
    tracks.forEach((canvas, k) => drawCell(canvas, sprites[k], index));
    buttons.forEach(({ canvas }, k) => drawCell(canvas, sprites.at(-1), index, k));
    frames.forEach(({ canvas }, k) => drawCell(canvas, sprites.at(-1), k, selected));
  });
  return root.stop;
}
