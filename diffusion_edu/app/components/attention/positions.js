// An image as rows x columns positions, shaded by attention weights; one position is selected by mouse or arrow keys.
const LARGE = 256; // pixels of the image on the screen

function unpackWeights(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return Float32Array.from(new Uint16Array(bytes.buffer), (whole) => whole / 65535);
}

function makeAttentionImage(figure, label) {
  const canvas = makeCanvas(figure, LARGE, LARGE, 1, label);
  canvas.dataset.track = "attention";
  canvas.setAttribute("tabindex", "0");
  figure.prepend(canvas);
  return canvas;
}

// Paint one row of a sprite, every position with its brightness, from 0 (a fraction `floor` of the image) to 1, and a frame around the selected one.
function paintAttention(canvas, sprite, row, animation, brightness, floor, selected) {
  const { rows, columns, size: [height, width] } = animation, context = canvas.getContext("2d"), [x, y] = [LARGE / columns, LARGE / rows];
  context.imageSmoothingEnabled = false;
  context.drawImage(sprite, 0, row * height, width, height, 0, 0, LARGE, LARGE);
  brightness.forEach((value, k) => {
    context.fillStyle = `rgba(0, 0, 0, ${(1 - floor) * (1 - value)})`;
    context.fillRect((k % columns) * x, Math.floor(k / columns) * y, x, y);
  });
  if (selected === null) return;
  for (const [colour, wide] of [["#000", 4], ["#fff", 2]]) {
    [context.strokeStyle, context.lineWidth] = [colour, wide];
    context.strokeRect((selected % columns) * x + 2, Math.floor(selected / columns) * y + 2, x - 4, y - 4);
  }
}

// Paint values from 0, black, to 1, white, one pixel each.
function paintMap(canvas, values) {
  const context = canvas.getContext("2d"), image = context.createImageData(canvas.width, canvas.height);
  values.forEach((value, k) => image.data.set([0, 1, 2].map(() => 255 * value).concat(255), 4 * k));
  context.putImageData(image, 0, 0);
}

const positionName = (position, { columns }) => `row ${Math.floor(position / columns) + 1}, column ${(position % columns) + 1}`;

// Call select(position) for a click on the canvas, and step(position) for an arrow key, which starts from current().
function onPosition(canvas, { rows, columns }, current, select, step = select) {
  const clamp = (k, count) => Math.max(0, Math.min(count - 1, Math.floor(k)));
  const at = (row, column) => clamp(row, rows) * columns + clamp(column, columns);
  canvas.onclick = ({ offsetX, offsetY }) => select(at((offsetY / canvas.clientHeight) * rows, (offsetX / canvas.clientWidth) * columns));
  canvas.onkeydown = (event) => {
    const way = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    step(at(Math.floor(current() / columns) + way[0], (current() % columns) + way[1]));
  };
}
