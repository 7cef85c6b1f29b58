// The drawing canvas: paint pixels over an image or on white paper. Python gets the painted layer as a PNG after every stroke.
const MAX_HEIGHT = 0.46; // of the window's height, so that the tools stay in view
const MAX_ZOOM = 6;
const MAX_UNDO = 60; // strokes that can be undone
const GREYS = [96, 200]; // of the checkerboard that shows a mask
const OPACITY = 0.8; // of the checkerboard

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".drawing-canvas");
  if (root.update) { // the page ran again: keep the drawing
    root.update(data, setStateValue);
    return root.stop;
  }
  const $ = (name) => root.querySelector(name), canvas = $("canvas");
  let sheet = null, size = 0, layer = null, base = null, past = [], send = setStateValue;
  let tool = "brush", brush = data.brush, colour = 0, last = null, tip = null, pressed = false; // pressed: a pointer id, "key" or false

  const pixelsOf = () => new Uint32Array(layer.data.buffer);
  const ink = () => (data.mask ? [0, 0, 0] : rgbOf(data.colours[colour][1]));

  function put(pixels, rgb) {
    for (const at of pixels) layer.data.set(rgb ? [...rgb, 255] : [0, 0, 0, 0], 4 * at);
  }

  function saveForUndo() {
    past.push(new Uint8ClampedArray(layer.data));
    if (past.length > MAX_UNDO) past.shift();
  }

  function urlOf(image) {
    const copy = Object.assign(document.createElement("canvas"), { width: size, height: size });
    copy.getContext("2d").putImageData(image, 0, 0);
    return copy.toDataURL();
  }

  function sendLayer() {
    show();
    send("painting", { sheet, layer: urlOf(layer) });
  }

  function composed() { // the image with the layer over it, without the brush
    const seen = new ImageData(new Uint8ClampedArray(base.data), size);
    for (let at = 0; at < size * size; at++) {
      if (!layer.data[4 * at + 3]) continue;
      const grey = GREYS[(Math.floor((at % size) / 2) + Math.floor(at / size / 2)) % 2]; // a checkerboard, as for transparent pixels
      for (let k = 0; k < 3; k++) seen.data[4 * at + k] = data.mask ? OPACITY * grey + (1 - OPACITY) * base.data[4 * at + k] : layer.data[4 * at + k];
    }
    return seen;
  }

  function show() {
    if (!layer) return;
    const seen = composed();
    if (tip) {
      const rgb = tool === "eraser" || data.mask ? [255, 255, 255] : ink();
      for (const at of strokePixels(tip, tip, tool === "fill" ? 1 : brush, size, size)) {
        for (let k = 0; k < 3; k++) seen.data[4 * at + k] = (seen.data[4 * at + k] + rgb[k]) / 2;
      }
    }
    canvas.getContext("2d").putImageData(seen, 0, 0);
    const some = layer.data.some((value) => value);
    $(".undo").disabled = !past.length;
    $(".clear").disabled = !some;
    root.dataset.painted = pixelsOf().reduce((count, paint) => count + (paint !== 0), 0);
    for (const [group, chosen] of [[".tools", tool], [".widths", String(brush)], [".colours", String(colour)]]) {
      for (const button of $(group).children) button.setAttribute("aria-pressed", Object.values(button.dataset)[0] === chosen);
    }
  }

  function stroke(to) {
    put(strokePixels(last ?? to, to, brush, size, size), tool === "eraser" ? null : ink());
    last = to;
  }

  function begin(at) {
    saveForUndo();
    if (tool !== "fill") return stroke(at);
    const [x, y] = at.map((value) => Math.max(0, Math.min(size - 1, Math.floor(value))));
    put(connectedArea(pixelsOf(), y * size + x, size), ink());
  }

  const placeOf = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * size, ((event.clientY - box.top) / box.height) * size];
  };
  canvas.onpointerdown = (event) => {
    if (!layer || !event.isPrimary || event.button) return;
    canvas.setPointerCapture(event.pointerId);
    pressed = event.pointerId;
    begin((tip = placeOf(event)));
    show();
  };
  canvas.onpointermove = (event) => {
    tip = placeOf(event);
    const parts = event.getCoalescedEvents?.() ?? [];
    if (pressed === event.pointerId && tool !== "fill") for (const part of parts.length ? parts : [event]) stroke(placeOf(part));
    show();
  };
  const endStroke = () => {
    if (pressed === false) return;
    pressed = false;
    last = null;
    sendLayer();
  };
  canvas.onpointerup = canvas.onpointercancel = endStroke;
  canvas.onpointerleave = () => { if (pressed === false) { tip = null; show(); } };
  canvas.onblur = () => { if (pressed === "key") endStroke(); tip = null; show(); };

  canvas.onkeydown = (event) => { // painting with the keyboard
    const far = event.shiftKey ? 8 : 1, step = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[event.key];
    const shortcut = { d: "brush", e: "eraser", f: "fill" }[event.key];
    if (event.key === "z" && (event.ctrlKey || event.metaKey)) $(".undo").click();
    else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if (shortcut) choose(() => { tool = shortcut; });
    else if (event.key === " ") {
      tip ??= [size / 2, size / 2];
      if (pressed !== false) endStroke();
      else { begin(tip); tool === "fill" ? sendLayer() : (pressed = "key"); }
    } else if (step) {
      tip = (tip ?? [size / 2, size / 2]).map((value, axis) => Math.max(0.5, Math.min(size - 0.5, Math.floor(value) + 0.5 + step[axis])));
      if (pressed === "key") stroke(tip);
    } else return;
    event.preventDefault();
    show();
  };

  function choose(change) {
    change();
    show();
  }

  function change(how) {
    saveForUndo();
    how();
    sendLayer();
  }

  for (const button of $(".tools").children) button.onclick = () => choose(() => { tool = button.dataset.tool; });
  $(".undo").onclick = () => { if (past.length) { layer.data.set(past.pop()); sendLayer(); } };
  $(".clear").onclick = () => change(() => layer.data.fill(0));
  $(".invert").onclick = () => change(() => pixelsOf().forEach((paint, at) => put([at], paint ? null : [0, 0, 0])));
  $(".save").onclick = () => {
    const white = layer.data.map((_, k) => (k % 4 === 3 ? 255 : layer.data[k - (k % 4) + 3])); // where the mask is painted
    const seen = data.mask ? new ImageData(white, size) : composed();
    Object.assign(document.createElement("a"), { href: urlOf(seen), download: data.file }).click();
  };

  function fillRows() {
    $(".widths").replaceChildren(...data.brushes.map((wide) => {
      const button = document.createElement("button"), dot = document.createElement("span"), dots = `${Math.min(26, Math.max(3, (128 / data.size) * wide))}px`;
      Object.assign(dot.style, { width: dots, height: dots });
      button.append(dot);
      button.dataset.wide = wide;
      button.title = `${wide} pixel${wide > 1 ? "s" : ""} wide`;
      button.setAttribute("aria-label", button.title);
      button.onclick = () => choose(() => { brush = wide; });
      return button;
    }));
    $(".colours").replaceChildren(...(data.mask ? [] : data.colours).map(([name, value], k) => {
      const button = document.createElement("button");
      button.style.background = value;
      button.dataset.colour = k;
      button.title = name;
      button.setAttribute("aria-label", name);
      button.onclick = () => choose(() => { colour = k; if (tool === "eraser") tool = "brush"; });
      return button;
    }));
  }

  const read = (image) => {
    const copy = Object.assign(document.createElement("canvas"), { width: size, height: size }), pen = copy.getContext("2d");
    pen.drawImage(image, 0, 0);
    return pen.getImageData(0, 0, size, size);
  };

  root.update = (next, setState) => {
    const fresh = next.sheet !== sheet, another = fresh || next.image !== root.image;
    data = next;
    send = setState;
    root.image = data.image;
    canvas.setAttribute("aria-label", `${data.label}. With the keyboard: arrow keys move the brush, space starts and ends a stroke.`);
    $(".invert").hidden = !data.mask;
    if (fresh) {
      sheet = data.sheet;
      if (!data.brushes.includes(brush)) brush = data.brush; // a canvas of another size has other widths
      fillRows();
    }
    if (another) Promise.all([data.image, data.layer].map(decode)).then(([image, painted]) => {
      if (root.image !== next.image || sheet !== next.sheet) return; // replaced in the meantime
      canvas.width = canvas.height = size = data.size;
      base = read(image);
      if (fresh) {
        [layer, past] = [read(painted), []];
        root.dataset.sheet = sheet;
      }
      fit();
    });
  };

  function fit() {
    if (!root.clientWidth || !size) return;
    const room = Math.min(root.clientWidth, Math.max(256, MAX_HEIGHT * window.innerHeight));
    const zoom = Math.max(1, Math.min(MAX_ZOOM, Math.floor(room / size)));
    canvas.style.width = canvas.style.height = `${zoom * size}px`;
    root.dataset.zoom = zoom;
    show();
  }
  const watch = new ResizeObserver(fit);
  watch.observe(root);
  root.stop = () => {
    watch.disconnect();
    delete root.update;
  };
  root.update(data, setStateValue);
  return root.stop;
}
