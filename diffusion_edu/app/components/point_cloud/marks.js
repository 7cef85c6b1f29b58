// Marks of points: every class has its own colour and its own shape, for people who cannot tell the colours apart.
const TURN = 2 * Math.PI;

function corners(pen, x, y, radii, begin) {
  radii.forEach((r, k) => {
    const angle = begin + (k / radii.length) * TURN;
    pen.lineTo(x + r * Math.cos(angle), y + r * Math.sin(angle));
  });
  pen.closePath();
}

function even(n, r) {
  return Array(n).fill(r);
}

const SHAPES = [ // as many as CLASS_COLOURS in widget.py
  (pen, x, y, r) => pen.arc(x, y, r, 0, TURN),
  (pen, x, y, r) => corners(pen, x, y, even(3, 1.35 * r), -TURN / 4),
  (pen, x, y, r) => corners(pen, x, y, even(4, 1.25 * r), TURN / 8),
  (pen, x, y, r) => corners(pen, x, y, even(3, 1.35 * r), TURN / 4),
  (pen, x, y, r) => corners(pen, x, y, even(4, 1.4 * r), 0),
  (pen, x, y, r) => corners(pen, x, y, Array.from({ length: 10 }, (_, k) => (k % 2 ? 0.6 : 1.5) * r), -TURN / 4),
  (pen, x, y, r) => corners(pen, x, y, Array.from({ length: 8 }, (_, k) => (k % 2 ? 0.5 : 1.5) * r), 0),
  (pen, x, y, r) => corners(pen, x, y, even(6, 1.2 * r), 0),
];

// All marks of one class make one path, which is painted at once.
function marks(pixels, labels, count, radius) {
  const paths = Array.from({ length: count }, () => new Path2D());
  for (let k = 0; k < labels.length; k++) {
    const one = new Path2D();
    SHAPES[labels[k] % SHAPES.length](one, pixels[2 * k], pixels[2 * k + 1], radius);
    paths[labels[k] % count].addPath(one);
  }
  return paths;
}

function unpack(text, reach) {
  if (!text) return null;
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return Float32Array.from(new Int16Array(bytes.buffer), (whole) => (whole / 32767) * reach);
}

// Give a canvas as many pixels as the screen has there; returns its drawing context.
function sharpen(canvas, side) {
  const dots = Math.round(side * (window.devicePixelRatio || 1));
  if (canvas.width !== dots) canvas.width = canvas.height = dots;
  canvas.style.width = canvas.style.height = `${side}px`;
  const pen = canvas.getContext("2d");
  pen.setTransform(dots / side, 0, 0, dots / side, 0, 0);
  return pen;
}

function themed(root) {
  const style = getComputedStyle(root);
  return { ink: style.getPropertyValue("--st-text-color"), ground: style.getPropertyValue("--st-secondary-background-color"), grey: "#8a8f96" };
}
