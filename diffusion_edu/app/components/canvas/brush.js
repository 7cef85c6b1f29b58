// Geometry of the drawing canvas: the pixels of a brush stroke and of a filled area.
const rgbOf = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

// The pixels whose centres a round brush covers on a straight stroke between two points.
function strokePixels(from, to, brush, width, height) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]], length = dx * dx + dy * dy || 1, radius = brush / 2, found = [];
  const least = (axis) => Math.max(0, Math.floor(Math.min(from[axis], to[axis]) - radius));
  const most = (axis, end) => Math.min(end - 1, Math.floor(Math.max(from[axis], to[axis]) + radius));
  for (let y = least(1); y <= most(1, height); y++) {
    for (let x = least(0); x <= most(0, width); x++) {
      const [px, py] = [x + 0.5 - from[0], y + 0.5 - from[1]], along = Math.max(0, Math.min(1, (px * dx + py * dy) / length));
      if (Math.hypot(px - along * dx, py - along * dy) <= radius) found.push(y * width + x);
    }
  }
  return found;
}

// The connected area of one colour around a pixel.
function connectedArea(colours, start, width) {
  const wanted = colours[start], found = [start], seen = new Set(found);
  for (const at of found) {
    const x = at % width;
    for (const next of [x > 0 ? at - 1 : -1, x < width - 1 ? at + 1 : -1, at - width, at + width]) {
      if (next < 0 || next >= colours.length || seen.has(next) || colours[next] !== wanted) continue;
      seen.add(next);
      found.push(next);
    }
  }
  return found;
}
