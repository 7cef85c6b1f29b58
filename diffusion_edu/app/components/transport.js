// The transport of an animation: play, pause, step, scrub and keys. All states are in the browser, so it needs no server.
const reducedMotion = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

// The elements .scrub, .play, .back, .next and .now of root control the position, from state 0 to state `last`.
// show(position, state) draws it; state is the nearest whole number. direction: 1 plays towards `last`, -1 towards 0.
// statesPerSecond() gives the speed; smooth: while it plays, the position also lies between two states.
function makeTransport(root, { last, position, direction = 1, statesPerSecond, smooth = false, caption, show }) {
  const [scrub, play, back, next, now] = [".scrub", ".play", ".back", ".next", ".now"].map((name) => root.querySelector(name));
  let timer = null, frame = null, clock = 0;
  scrub.max = last;

  function update() {
    const state = Math.round(position);
    scrub.value = state;
    now.textContent = caption(state);
    scrub.setAttribute("aria-valuetext", caption(state));
    show(position, state);
  }
  const atEnd = () => (direction > 0 ? position >= last : position <= 0);
  const clamp = (value) => Math.max(0, Math.min(last, value));

  function pause() {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    timer = frame = null;
    position = Math.round(position);
    play.textContent = "Play";
  }
  function advance(states) {
    position = clamp(position + direction * states);
    if (atEnd()) pause();
    else schedule();
    update();
  }
  function schedule() {
    if (!smooth) timer = setTimeout(() => advance(1), 1000 / statesPerSecond());
    else frame = requestAnimationFrame((time) => {
      const seconds = Math.min(0.1, Math.max(0, time - clock) / 1000); // a hidden page has long frames
      clock = time;
      advance(seconds * statesPerSecond());
    });
  }
  function start() {
    if (atEnd()) position = direction > 0 ? 0 : last;
    clock = performance.now();
    play.textContent = "Pause";
    schedule();
    update();
  }
  function seek(to) {
    pause();
    position = clamp(to);
    update();
  }
  const playing = () => timer !== null || frame !== null;
  const toggle = () => (playing() ? (pause(), update()) : start());

  play.onclick = toggle;
  back.onclick = () => seek(Math.ceil(position) - 1);
  next.onclick = () => seek(Math.floor(position) + 1);
  scrub.oninput = () => seek(Number(scrub.value));
  root.onkeydown = (event) => {
    const act = { ArrowLeft: back.onclick, ArrowRight: next.onclick, Home: () => seek(0), End: () => seek(last) }[event.key];
    const space = event.key === " " && event.target === root; // a focused button has its own space
    if ((!act && !space) || event.target.tagName === "SELECT") return;
    event.preventDefault();
    space ? toggle() : act();
  };
  return { update, pause, start, seek, position: () => position };
}
