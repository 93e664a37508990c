// A frame with axes that redraws itself to the width it gets, and the tooltip.

const views = []; // everything that redraws on resize

/** A plot in `host`: `draw(frame)` gets the inner size, layers and an `axes` function. */
function plot(host, { height, margin = { top: 14, right: 18, bottom: 46, left: 62 }, label, draw, least = 260 }) {
  const root = svg("svg", { class: "plot", role: "img", "aria-label": label });
  host.append(root);
  let width = 0;
  const render = () => {
    width = Math.max(least, host.clientWidth);
    root.style.minWidth = host.clientWidth < least ? `${least}px` : "";
    const full = typeof height === "function" ? height(width) : height;
    root.setAttribute("viewBox", `0 0 ${width} ${full}`);
    root.replaceChildren();
    const layer = (name) => root.appendChild(svg("g", { class: name, transform: `translate(${margin.left},${margin.top})` }));
    const frame = {
      root, margin, width: width - margin.left - margin.right, height: full - margin.top - margin.bottom,
      grid: layer("grid"), marks: layer("marks"), over: layer("over"),
    };
    frame.axes = (x, y, titles) => drawAxes(frame, x, y, titles);
    draw(frame);
  };
  const view = { root, render, resized: () => host.clientWidth !== width && host.clientWidth > 0 && render() };
  views.push(view);
  render();
  return view;
}

addEventListener("resize", () => requestAnimationFrame(() => views.forEach((view) => view.resized())));

const DIGIT = 6.8; // width of one in a tick, at most

function drawAxes({ grid, width, height, margin }, x, y, titles) {
  const xTicks = x.ticks(Math.max(3, width / 90));
  const yTicks = y ? y.ticks(Math.max(4, height / 55)) : [];
  for (const tick of yTicks) {
    grid.append(
      svg("line", { class: "rule", x1: 0, x2: width, y1: y(tick), y2: y(tick) }),
      svg("text", { class: "tick", x: -8, y: y(tick), dy: "0.32em", "text-anchor": "end" }, tickText(tick, titles.y)),
    );
  }
  const written = (tick, name) => DIGIT * tickText(tick, name).length;
  let last = -Infinity;
  for (const tick of xTicks) {
    const half = written(tick, titles.x) / 2;
    if (x(tick) - half < last) continue;
    last = x(tick) + half + 10;
    grid.append(
      svg("line", { class: "rule", x1: x(tick), x2: x(tick), y1: 0, y2: height }),
      svg("text", { class: "tick", x: x(tick), y: height + 16, "text-anchor": "middle" }, tickText(tick, titles.x)),
    );
  }
  // Clear of the longest number, however many digits it has.
  const aside = Math.max(margin.left - 14, 8 + Math.max(0, ...yTicks.map((tick) => written(tick, titles.y))) + 12);
  const parts = [
    svg("line", { class: "axis", x1: 0, x2: width, y1: height, y2: height }),
    svg("text", { class: "title", x: width / 2, y: height + 36, "text-anchor": "middle" }, titles.x),
    titles.y && svg("text", { class: "title", transform: `translate(${-aside},${height / 2}) rotate(-90)`, "text-anchor": "middle" }, titles.y),
  ];
  grid.append(...parts.filter(Boolean));
}

function tickText(tick, name) {
  return Math.abs(tick) >= 1000 ? short(tick) : String(+tick.toPrecision(6));
}

const FEW = 400; // shapes in one path; more are spread over LAYERS faint ones, so that where they crowd it gets darker
const LAYERS = 24;

/** A few path nodes for any number of shapes, each given as a piece of a path. */
function layered(pieces, kind) {
  if (!pieces.length) return [];
  if (pieces.length <= FEW) return [svg("path", { class: kind, d: pieces.join("") })];
  const layers = Array.from({ length: LAYERS }, (_, n) => pieces.filter((_, i) => i % LAYERS === n).join(""));
  return layers.map((d) => svg("path", { class: kind + " dense", d }));
}

/** A dot as a piece of a path: a round cap on nothing. */
function dot([x, y]) {
  return `M${x.toFixed(1)},${y.toFixed(1)}h.01`;
}

/** A path through points; NaN breaks it. */
function line(points) {
  let path = "";
  let pen = "M";
  for (const [x, y] of points) {
    if (!Number.isFinite(x) || !Number.isFinite(y)) { pen = "M"; continue; }
    path += `${pen}${x.toFixed(1)},${y.toFixed(1)}`;
    pen = "L";
  }
  return path;
}

// ---- tooltip

const tip = html("div", { class: "tip", role: "status", "aria-live": "polite", hidden: true });
document.body.append(tip);

/** Shows the tooltip of trial `i` beside a point of the window; null hides it. */
function tooltip(i, x, y) {
  if (i === null) {
    tip.hidden = true;
    return;
  }
  tip.replaceChildren(...tipContent(i));
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = x + 16 + box.width > innerWidth ? x - box.width - 16 : x + 16;
  tip.style.left = `${Math.max(6, left)}px`;
  tip.style.top = `${Math.max(6, Math.min(y - 20, innerHeight - box.height - 6))}px`;
}

function tipContent(i) {
  const pairs = data.objectives.map((o) => [title(o.name), withInterval(quantities.get(o.name), i), true]);
  if (quantities.has("student_params") && !objectiveDirection.student_params) {
    pairs.push(["parameters", show(quantities.get("student_params").get(i), "student_params"), true]);
  }
  for (const setting of data.settings) pairs.push([title(setting.path), show(data.trials.settings[setting.path][i], setting.path)]);
  const list = html("dl");
  for (const [name, value, strong] of pairs) {
    if (value === NOTHING && !strong) continue;
    list.append(html("dt", {}, name), html("dd", { class: strong ? "strong" : null }, value));
  }
  return [html("p", { class: "tip-head" }, html("b", {}, key(i)), " ", badge(i)), list];
}

function badge(i) {
  if (i === data.knee) return html("span", { class: "badge front" }, "knee of the front");
  if (onFront.has(i)) return html("span", { class: "badge front" }, "on the front");
  return html("span", { class: "badge" }, STATE_WORDS[state(i)]);
}

/** Hover, click and keys on a plot of points; `points()` gives [index, x, y] in the plot's own pixels. */
function pointing(view, points, label) {
  const { root } = view;
  root.setAttribute("tabindex", "0");
  root.setAttribute("role", "application");
  root.setAttribute("aria-label", label + " Arrow keys go from trial to trial, Enter selects, Escape leaves.");
  const toPlot = (event) => {
    const box = root.getBoundingClientRect();
    const shrink = root.viewBox.baseVal.width / box.width;
    return [(event.clientX - box.left) * shrink, (event.clientY - box.top) * shrink];
  };
  const toWindow = (x, y) => {
    const box = root.getBoundingClientRect();
    const grow = box.width / root.viewBox.baseVal.width;
    return [box.left + x * grow, box.top + y * grow];
  };
  const nearest = (px, py, reach) => {
    let found = null;
    let best = reach * reach;
    for (const [i, x, y] of points()) {
      const distance = (x - px) ** 2 + (y - py) ** 2 - (onFront.has(i) ? 16 : 0);
      if (distance < best) { best = distance; found = i; }
    }
    return found;
  };
  root.addEventListener("pointermove", (event) => {
    const i = nearest(...toPlot(event), 28);
    hover(i);
    tooltip(i, event.clientX, event.clientY);
    root.classList.toggle("pointing", i !== null);
  });
  const leave = () => { hover(null); tooltip(null); };
  root.addEventListener("pointerleave", leave);
  root.addEventListener("blur", leave);
  root.addEventListener("click", (event) => {
    const i = nearest(...toPlot(event), 28);
    if (i !== null) select(i);
  });
  root.addEventListener("keydown", (event) => {
    const along = { ArrowRight: [1, 1], ArrowLeft: [1, -1], ArrowUp: [2, -1], ArrowDown: [2, 1] }[event.key];
    if (along) {
      const sorted = [...points()].sort((a, b) => a[along[0]] - b[along[0]] || a[0] - b[0]);
      if (!sorted.length) return;
      const at = sorted.findIndex(([i]) => i === (store.hovered ?? store.selected));
      const next = sorted[at < 0 ? 0 : Math.max(0, Math.min(sorted.length - 1, at + along[1]))];
      hover(next[0]);
      tooltip(next[0], ...toWindow(next[1], next[2]));
    } else if (event.key === "Enter" && store.hovered !== null) {
      select(store.hovered);
    } else if (event.key === "Escape") {
      leave();
    } else {
      return;
    }
    event.preventDefault();
  });
}

/** A labelled drop-down; `options` are [value, text]. */
function chooser(label, options, value, change) {
  const input = html("select", { onchange: () => change(input.value) }, ...options.map(([v, text]) => html("option", { value: v, selected: v === value }, text)));
  return html("label", { class: "chooser" }, label + " ", input);
}

/** A labelled tick box. */
function toggle(label, value, change) {
  const input = html("input", { type: "checkbox", checked: value, onchange: () => change(input.checked) });
  return html("label", { class: "toggle" }, input, " " + label);
}
