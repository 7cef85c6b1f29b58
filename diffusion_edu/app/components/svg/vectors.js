// Shows SVG figures; a click on a part of the first one, or Enter on it, sends the name of the part to Python.
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".vectors");
  root.className = `vectors ${data.look}${data.figures.length === 1 ? " one" : ""}`;
  const focused = root.getRootNode().activeElement?.dataset?.part;
  root.replaceChildren(...data.figures.map(({ title, svg }) => {
    const figure = document.createElement("figure"), caption = document.createElement("figcaption");
    caption.textContent = title;
    figure.innerHTML = svg;
    figure.prepend(caption);
    return figure;
  }));
  if (focused) root.querySelector(`[data-part="${CSS.escape(focused)}"]`)?.focus();
  const choose = (event) => {
    const part = event.target.closest("[data-part]");
    if (part && root.firstChild.contains(part)) setTriggerValue("part", part.dataset.part);
  };
  root.onclick = choose;
  root.onkeydown = (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose(event);
  };
}
