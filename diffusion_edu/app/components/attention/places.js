// An image as rows x columns places that look: light where they look or are looked at, and one of them chosen, by mouse or arrow keys.
const BIG = 256; // pixels of the image on the screen

function unpackLooks(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return Float32Array.from(new Uint16Array(bytes.buffer), (whole) => whole / 65535);
}

function makePlaces(figure, label) {
  const canvas = makeCanvas(figure, BIG, BIG, 1, label);
  canvas.dataset.screen = "looks";
  canvas.setAttribute("tabindex", "0");
  figure.prepend(canvas);
  return canvas;
}

// Paint one image of a sprite, its places in shades from 0, black but for `seen` of it, to 1, and a frame around the chosen place.
function spotlight(canvas, sprite, at, animation, shades, seen, place) {
  const { rows, columns, size: [height, width] } = animation, pen = canvas.getContext("2d"), [x, y] = [BIG / columns, BIG / rows];
  pen.imageSmoothingEnabled = false;
  pen.drawImage(sprite, 0, at * height, width, height, 0, 0, BIG, BIG);
  shades.forEach((shade, k) => {
    pen.fillStyle = `rgba(0, 0, 0, ${(1 - seen) * (1 - shade)})`;
    pen.fillRect((k % columns) * x, Math.floor(k / columns) * y, x, y);
  });
  if (place === null) return;
  for (const [colour, wide] of [["#000", 4], ["#fff", 2]]) {
    [pen.strokeStyle, pen.lineWidth] = [colour, wide];
    pen.strokeRect((place % columns) * x + 2, Math.floor(place / columns) * y + 2, x - 4, y - 4);
  }
}

// Paint shades from 0, black, to 1, white, one pixel each.
function paintShades(canvas, shades) {
  const pen = canvas.getContext("2d"), image = pen.createImageData(canvas.width, canvas.height);
  shades.forEach((shade, k) => image.data.set([0, 1, 2].map(() => 255 * shade).concat(255), 4 * k));
  pen.putImageData(image, 0, 0);
}

const where = (place, { columns }) => `row ${Math.floor(place / columns) + 1}, column ${(place % columns) + 1}`;

// Call choose(place) for a click on the canvas, and step(place) for an arrow key, which goes on from now().
function onPlaces(canvas, { rows, columns }, now, choose, step = choose) {
  const inside = (k, count) => Math.max(0, Math.min(count - 1, Math.floor(k)));
  const at = (row, column) => inside(row, rows) * columns + inside(column, columns);
  canvas.onclick = ({ offsetX, offsetY }) => choose(at((offsetY / canvas.clientHeight) * rows, (offsetX / canvas.clientWidth) * columns));
  canvas.onkeydown = (event) => {
    const way = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    step(at(Math.floor(now() / columns) + way[0], (now() % columns) + way[1]));
  };
}
