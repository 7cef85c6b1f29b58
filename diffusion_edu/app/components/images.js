// Decode an image from a data URL; the promise gives the image when it can be drawn.
function decode(url) {
  const image = new Image();
  image.src = url;
  return image.decode().then(() => image);
}
