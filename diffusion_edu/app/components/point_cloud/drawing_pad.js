// The drawing pad: every stroke adds evenly spaced points of one class. Python gets them when the person is done.
const SPACING = 0.035; // between two points of a stroke; the pad goes from -1 to 1
const MIN_POINTS = 3, MAX_POINTS = 2000;

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".drawing-pad"), $ = (name) => root.querySelector(name);
  if (root.dataset.ready) return root.stop; // the page ran again: keep the drawing
  root.dataset.ready = "yes";
  const canvas = $("canvas"), strokes = data.points.length ? [data.points] : [];
  let label = 0, side = 0, active = false;

  data.colours.forEach((colour, k) => {
    const brush = document.createElement("button"), sample = document.createElement("canvas");
    brush.className = "brush";
    brush.append(sample, `class ${k + 1}`);
    const pen = sharpen(sample, 16);
    sample.style.background = "none";
    pen.fillStyle = colour;
    pen.fill(marks([8, 8], [k], k + 1, 5)[k]);
    brush.onclick = () => { label = k; show(); };
    $(".brushes").append(brush);
  });

  function show() {
    [...$(".brushes").children].forEach((brush, k) => brush.setAttribute("aria-pressed", k === label));
    const points = strokes.flat(), pen = sharpen(canvas, side);
    pen.clearRect(0, 0, side, side);
    const pixels = points.flatMap(([x, y]) => [((x + 1) / 2) * side, ((1 - y) / 2) * side]);
    marks(pixels, points.map((point) => point[2]), data.colours.length, 3.5).forEach((path, k) => { pen.fillStyle = data.colours[k]; pen.fill(path); });
    $(".now").textContent = points.length >= MAX_POINTS ? `${MAX_POINTS} points: the pad is full.` : `${points.length} points`;
    $(".use").disabled = points.length < MIN_POINTS;
    $(".undo").disabled = $(".clear").disabled = !points.length;
    root.dataset.points = points.length;
  }

  function put(event) {
    const box = canvas.getBoundingClientRect(), stroke = strokes.at(-1), from = stroke.at(-1);
    const to = [(2 * (event.clientX - box.left)) / box.width - 1, 1 - (2 * (event.clientY - box.top)) / box.height];
    const far = from ? Math.hypot(to[0] - from[0], to[1] - from[1]) : 0, steps = from ? Math.floor(far / SPACING) : 1;
    for (let k = 1; k <= steps; k++) { // no gaps behind a fast mouse
      const fraction = from ? (k * SPACING) / far : 1, [x, y] = [0, 1].map((axis) => (from ? from[axis] + fraction * (to[axis] - from[axis]) : to[axis]));
      if (Math.max(Math.abs(x), Math.abs(y)) <= 1 && strokes.flat().length < MAX_POINTS) stroke.push([x, y, label]);
    }
    show();
  }

  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    active = true;
    strokes.push([]);
    put(event);
  };
  canvas.onpointermove = (event) => { if (active) for (const part of event.getCoalescedEvents?.() ?? [event]) put(part); };
  canvas.onpointerup = canvas.onpointercancel = () => { active = false; };
  $(".undo").onclick = () => { strokes.pop(); show(); };
  $(".clear").onclick = () => { strokes.length = 0; show(); };
  $(".use").onclick = () => setTriggerValue("points", strokes.flat());

  function fit() {
    if (!root.clientWidth) return;
    side = Math.floor(Math.min(root.clientWidth, 0.6 * window.innerHeight));
    show();
  }
  const watch = new ResizeObserver(fit);
  watch.observe(root);
  root.stop = () => {
    watch.disconnect();
    delete root.dataset.ready;
    $(".brushes").replaceChildren();
  };
  fit();
  return root.stop;
}
