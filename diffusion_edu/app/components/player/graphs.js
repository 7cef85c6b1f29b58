// Charts without a player: nothing moves.
export default function ({ data, parentElement }) {
  const place = parentElement.querySelector(".charts");
  place.replaceChildren();
  const draws = data.charts.map((chart) => makeChart(place, chart));
  const watch = new ResizeObserver(() => draws.forEach((draw) => draw(0, 0)));
  watch.observe(place);
  return () => watch.disconnect();
}
