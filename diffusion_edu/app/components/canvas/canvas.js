// A canvas to paint on, pixel by pixel, over an image or on paper. Python gets the painted layer as a PNG after every stroke.
const HIGHEST = 0.46; // of the window's height that the canvas may take, so that its tools stay in view
const LARGEST = 6; // zoom
const REMEMBERED = 60; // strokes that can be undone
const GREYS = [96, 200]; // of the squares of a hole
const SHADE = 0.8; // how much of the image a hole hides

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".easel");
  if (root.update) { // the page ran again: keep the drawing
    root.update(data, setStateValue);
    return root.stop;
  }
  const $ = (name) => root.querySelector(name), canvas = $("canvas");
  let given = null, size = 0, layer = null, base = null, past = [], send = setStateValue;
  let tool = "pen", brush = data.brush, colour = 0, last = null, tip = null, lowered = false;

  const paints = () => new Uint32Array(layer.data.buffer);
  const ink = () => (data.mask ? [0, 0, 0] : rgbOf(data.colours[colour][1]));

  function put(pixels, rgb) {
    for (const at of pixels) layer.data.set(rgb ? [...rgb, 255] : [0, 0, 0, 0], 4 * at);
  }

  function remember() {
    past.push(new Uint8ClampedArray(layer.data));
    if (past.length > REMEMBERED) past.shift();
  }

  function urlOf(image) {
    const sheet = Object.assign(document.createElement("canvas"), { width: size, height: size });
    sheet.getContext("2d").putImageData(image, 0, 0);
    return sheet.toDataURL();
  }

  function tell() {
    show();
    send("drawing", { given, layer: urlOf(layer) });
  }

  function composed() { // what a person sees, without the brush
    const seen = new ImageData(new Uint8ClampedArray(base.data), size);
    for (let at = 0; at < size * size; at++) {
      if (!layer.data[4 * at + 3]) continue;
      const grey = GREYS[(Math.floor((at % size) / 2) + Math.floor(at / size / 2)) % 2]; // squares, as for what is transparent
      for (let k = 0; k < 3; k++) seen.data[4 * at + k] = data.mask ? SHADE * grey + (1 - SHADE) * base.data[4 * at + k] : layer.data[4 * at + k];
    }
    return seen;
  }

  function show() {
    if (!layer) return;
    const seen = composed();
    if (tip) {
      const rgb = tool === "erase" || data.mask ? [255, 255, 255] : ink();
      for (const at of covered(tip, tip, tool === "fill" ? 1 : brush, size, size)) {
        for (let k = 0; k < 3; k++) seen.data[4 * at + k] = (seen.data[4 * at + k] + rgb[k]) / 2;
      }
    }
    canvas.getContext("2d").putImageData(seen, 0, 0);
    const some = layer.data.some((value) => value);
    $(".undo").disabled = !past.length;
    $(".clear").disabled = !some;
    root.dataset.painted = paints().reduce((count, paint) => count + (paint !== 0), 0);
    for (const [group, chosen] of [[".tools", tool], [".sizes", String(brush)], [".colours", String(colour)]]) {
      for (const button of $(group).children) button.setAttribute("aria-pressed", Object.values(button.dataset)[0] === chosen);
    }
  }

  function stroke(to) {
    put(covered(last ?? to, to, brush, size, size), tool === "erase" ? null : ink());
    last = to;
  }

  function begin(at) {
    remember();
    if (tool !== "fill") return stroke(at);
    const [x, y] = at.map((value) => Math.max(0, Math.min(size - 1, Math.floor(value))));
    put(area(paints(), y * size + x, size), ink());
  }

  const placeOf = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * size, ((event.clientY - box.top) / box.height) * size];
  };
  canvas.onpointerdown = (event) => {
    if (!layer || !event.isPrimary || event.button) return;
    canvas.setPointerCapture(event.pointerId);
    lowered = event.pointerId;
    begin((tip = placeOf(event)));
    show();
  };
  canvas.onpointermove = (event) => {
    tip = placeOf(event);
    const parts = event.getCoalescedEvents?.() ?? [];
    if (lowered === event.pointerId && tool !== "fill") for (const part of parts.length ? parts : [event]) stroke(placeOf(part));
    show();
  };
  const lift = () => {
    if (lowered === false) return;
    lowered = false;
    last = null;
    tell();
  };
  canvas.onpointerup = canvas.onpointercancel = lift;
  canvas.onpointerleave = () => { if (lowered === false) { tip = null; show(); } };
  canvas.onblur = () => { if (lowered === "key") lift(); tip = null; show(); };

  canvas.onkeydown = (event) => { // painting without a mouse
    const far = event.shiftKey ? 8 : 1, way = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[event.key];
    const known = { d: "pen", e: "erase", f: "fill" }[event.key];
    if (event.key === "z" && (event.ctrlKey || event.metaKey)) $(".undo").click();
    else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if (known) choose(() => { tool = known; });
    else if (event.key === " ") {
      tip ??= [size / 2, size / 2];
      if (lowered !== false) lift();
      else { begin(tip); tool === "fill" ? tell() : (lowered = "key"); }
    } else if (way) {
      tip = (tip ?? [size / 2, size / 2]).map((value, axis) => Math.max(0.5, Math.min(size - 0.5, Math.floor(value) + 0.5 + way[axis])));
      if (lowered === "key") stroke(tip);
    } else return;
    event.preventDefault();
    show();
  };

  function choose(change) {
    change();
    show();
  }

  function change(how) {
    remember();
    how();
    tell();
  }

  for (const button of $(".tools").children) button.onclick = () => choose(() => { tool = button.dataset.tool; });
  $(".undo").onclick = () => { if (past.length) { layer.data.set(past.pop()); tell(); } };
  $(".clear").onclick = () => change(() => layer.data.fill(0));
  $(".invert").onclick = () => change(() => paints().forEach((paint, at) => put([at], paint ? null : [0, 0, 0])));
  $(".save").onclick = () => {
    const white = layer.data.map((_, k) => (k % 4 === 3 ? 255 : layer.data[k - (k % 4) + 3])); // in the hole
    const seen = data.mask ? new ImageData(white, size) : composed();
    Object.assign(document.createElement("a"), { href: urlOf(seen), download: data.file }).click();
  };

  function fillRows() {
    $(".sizes").replaceChildren(...data.brushes.map((wide) => {
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
      button.onclick = () => choose(() => { colour = k; if (tool === "erase") tool = "pen"; });
      return button;
    }));
  }

  const read = (image) => {
    const sheet = Object.assign(document.createElement("canvas"), { width: size, height: size }), pen = sheet.getContext("2d");
    pen.drawImage(image, 0, 0);
    return pen.getImageData(0, 0, size, size);
  };

  root.update = (next, setState) => {
    const fresh = next.given !== given, another = fresh || next.image !== root.image;
    data = next;
    send = setState;
    root.image = data.image;
    canvas.setAttribute("aria-label", `${data.label}. With the keyboard: arrow keys move the brush, space lowers and lifts it.`);
    $(".invert").hidden = !data.mask;
    if (fresh) {
      given = data.given;
      if (!data.brushes.includes(brush)) brush = data.brush; // those of a canvas of another size
      fillRows();
    }
    if (another) Promise.all([data.image, data.layer].map(decoded)).then(([image, painted]) => {
      if (root.image !== next.image || given !== next.given) return; // another one by now
      canvas.width = canvas.height = size = data.size;
      base = read(image);
      if (fresh) {
        [layer, past] = [read(painted), []];
        root.dataset.given = given;
      }
      fit();
    });
  };

  function fit() {
    if (!root.clientWidth || !size) return;
    const room = Math.min(root.clientWidth, Math.max(256, HIGHEST * window.innerHeight));
    const zoom = Math.max(1, Math.min(LARGEST, Math.floor(room / size)));
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
