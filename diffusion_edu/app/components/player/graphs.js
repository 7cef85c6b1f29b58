// Charts without a player: nothing changes but their size.
export default function ({ data, parentElement }) {
  const place = parentElement.querySelector(".charts");
  place.replaceChildren();
  const draws = data.charts.map((chart) => makeChart(place, chart));
  const observer = new ResizeObserver(() => draws.forEach((draw) => draw(0, 0)));
  observer.observe(place);
  return () => observer.disconnect();
}
