// Versions of one image side by side, and the same detail of each at a larger zoom.
const MAX_HEIGHT = 0.52; // of the window's height that image and detail may take together
const ASPECT = 0.375; // height of the detail divided by its width

const add = (parent, tag, about = {}, text = "") => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(about)) made.setAttribute(name, value);
  made.textContent = text;
  parent.append(made);
  return made;
};

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".zoom");
  if (root.dataset.id === data.id) return root.stop; // the page ran again with the same images
  if (root.stop) root.stop();
  root.dataset.id = data.id;
  const { width, height } = data, wide = width / 4, high = Math.round(wide * ASPECT);
  root.setAttribute("aria-label", `${data.label}. Arrow keys move the detail.`);
  let centre = root.centre ?? data.centre, images = null;

  root.querySelector(".panes").replaceChildren();
  const panes = data.panes.map((pane) => {
    const figure = add(root.querySelector(".panes"), "figure");
    const whole = add(figure, "div", { class: "whole" });
    const canvas = add(whole, "canvas", { "data-pane": pane.name, role: "img", "aria-label": pane.alt });
    const frame = add(whole, "div", { class: "frame" });
    const detail = add(figure, "canvas", { "data-detail": pane.name, role: "img", "aria-label": `Detail of: ${pane.alt}` });
    const caption = add(figure, "figcaption");
    add(caption, "span", { class: "name", style: `border-color: ${pane.colour}; font-style: normal; font-family: inherit; font-size: inherit` }, pane.words);
    add(caption, "div", { class: "numbers" }, pane.says);
    return { figure, whole, canvas, frame, detail };
  });

  function corner() { // of the detail, in pixels of the image
    const inside = (value, size, all) => Math.max(0, Math.min(all - size, Math.round(value - size / 2)));
    return [inside(centre[0] * width, wide, width), inside(centre[1] * height, high, height)];
  }

  function show() {
    if (!images || !root.clientWidth) return;
    const most = (MAX_HEIGHT * window.innerHeight - 8) / (height + width * ASPECT);
    const columns = Math.max(1, Math.min(3, panes.length, Math.floor((root.clientWidth + 18) / (Math.min(width, 128) * 2 + 18))));
    const room = (root.clientWidth - 18 * (columns - 1)) / columns / width;
    const zoom = Math.max(1, Math.min(8, Math.floor(Math.min(most, room)))), [left, top] = corner(), detailZoom = 4 * zoom;
    Object.assign(root.dataset, { zoom, detailZoom, at: `${left},${top}` });
    panes.forEach(({ figure, whole, canvas, frame, detail }, k) => {
      Object.assign(canvas, { width, height });
      Object.assign(canvas.style, { width: `${width * zoom}px`, height: `${height * zoom}px` });
      Object.assign(whole.style, { width: `${width * zoom}px`, height: `${height * zoom}px` });
      figure.style.width = `${width * zoom}px`;
      canvas.getContext("2d").drawImage(images[k], 0, 0);
      Object.assign(frame.style, { left: `${left * zoom}px`, top: `${top * zoom}px`, width: `${wide * zoom}px`, height: `${high * zoom}px` });
      Object.assign(detail, { width: wide, height: high });
      Object.assign(detail.style, { width: `${wide * detailZoom}px`, height: `${high * detailZoom}px` });
      detail.getContext("2d").drawImage(images[k], left, top, wide, high, 0, 0, wide, high);
    });
    root.querySelector(".now").textContent = data.hint;
  }

  function moveTo(event, pane) {
    const box = pane.canvas.getBoundingClientRect();
    root.centre = centre = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    show();
  }
  for (const pane of panes) {
    pane.whole.onpointerdown = (event) => { pane.whole.setPointerCapture(event.pointerId); moveTo(event, pane); };
    pane.whole.onpointermove = (event) => { if (event.buttons || event.pointerType === "mouse") moveTo(event, pane); };
  }
  root.onkeydown = (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const [left, top] = corner(), size = Math.max(1, Math.round(width / 64));
    root.centre = centre = [(left + wide / 2 + step[0] * size) / width, (top + high / 2 + step[1] * size) / height];
    show();
  };

  Promise.all(data.panes.map((pane) => decode(pane.image))).then((all) => {
    if (root.dataset.id !== data.id) return;
    images = all;
    show();
  });
  const watch = new ResizeObserver(show);
  watch.observe(root);
  window.addEventListener("resize", show);
  root.stop = () => {
    watch.disconnect();
    window.removeEventListener("resize", show);
    delete root.dataset.id;
  };
  return root.stop;
}
