// What a brush covers and what a bucket fills, in pixels of the image.
const decoded = (url) => {
  const image = new Image();
  image.src = url;
  return image.decode().then(() => image);
};

const rgbOf = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

// The pixels whose centres a round brush covers on its way from one place to another.
function covered(from, to, brush, width, height) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]], length = dx * dx + dy * dy || 1, reach = brush / 2, found = [];
  const least = (axis) => Math.max(0, Math.floor(Math.min(from[axis], to[axis]) - reach));
  const most = (axis, end) => Math.min(end - 1, Math.floor(Math.max(from[axis], to[axis]) + reach));
  for (let y = least(1); y <= most(1, height); y++) {
    for (let x = least(0); x <= most(0, width); x++) {
      const [px, py] = [x + 0.5 - from[0], y + 0.5 - from[1]], along = Math.max(0, Math.min(1, (px * dx + py * dy) / length));
      if (Math.hypot(px - along * dx, py - along * dy) <= reach) found.push(y * width + x);
    }
  }
  return found;
}

// The area of one colour around a pixel.
function area(paints, start, width) {
  const wanted = paints[start], found = [start], seen = new Set(found);
  for (const at of found) {
    const x = at % width;
    for (const next of [x > 0 ? at - 1 : -1, x < width - 1 ? at + 1 : -1, at - width, at + width]) {
      if (next < 0 || next >= paints.length || seen.has(next) || paints[next] !== wanted) continue;
      seen.add(next);
      found.push(next);
    }
  }
  return found;
}
