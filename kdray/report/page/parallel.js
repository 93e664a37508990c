// Parallel coordinates: every setting and objective of every trial; a range dragged on an axis filters all views.

function parallelPlot() {
  const names = [...data.settings.map((s) => s.path), ...data.objectives.map((o) => o.name)];
  if (quantities.has("student_params") && !objectiveDirection.student_params) names.splice(data.settings.length, 0, "student_params");
  const axes = names.map((name) => quantities.get(name)).filter(Boolean);
  const ranges = new Map(); // axis -> [low, high] as shares of its height, 0 at the bottom
  let over = null;
  let path = () => "";
  let dragging = null;
  const share = new Map(axes.map((q) => [q, shares(q)]));
  const chart = plot($("parallel-plot"), {
    height: 360,
    margin: { top: 56, right: 60, bottom: 30, left: 60 },
    label: "Settings and objectives of every trial as parallel axes.",
    draw: (frame) => {
      const at = (n) => (axes.length > 1 ? (n * frame.width) / (axes.length - 1) : frame.width / 2);
      const points = (i) => axes.map((q, n) => [at(n), (1 - share.get(q)(i)) * frame.height]);
      path = (i) => line(points(i));
      const groups = { dim: "", complete: "", front: "" };
      for (let i = 0; i < total; i++) {
        if (state(i) !== "complete") continue;
        groups[!store.kept[i] ? "dim" : onFront.has(i) ? "front" : "complete"] += path(i);
      }
      for (const [kind, d] of Object.entries(groups)) frame.marks.append(svg("path", { class: "thread " + kind, d }));
      over = frame.marks.appendChild(svg("g", { class: "over" }));
      axes.forEach((q, n) => drawAxis(frame, q, at(n), n));
      highlight();
    },
  });

  function drawAxis(frame, q, x, n) {
    const better = { max: " \u2191", min: " \u2193" }[objectiveDirection[q.name]] || "";
    const group = svg("g", { class: "dimension", transform: `translate(${x},0)`, tabindex: 0, role: "slider", "aria-label": `Range of ${q.label}. Up and Down move the upper end, with Shift the lower end, Escape clears.`, "aria-valuetext": rangeText(q) });
    const [low, high] = ranges.get(q) || [0, 1];
    group.append(
      svg("rect", { class: "grip", x: -16, y: -6, width: 32, height: frame.height + 12 }),
      svg("line", { class: "axis", y1: 0, y2: frame.height }),
    );
    const words = (q.label + better).replace(/ ([\u2191\u2193])$/, "\u00a0$1").split(" ");
    words.forEach((word, w) => group.append(svg("text", { class: "title", y: -14 - 15 * (words.length - 1 - w), "text-anchor": "middle" }, word)));
    for (const [at, text] of axisMarks(q)) {
      group.append(svg("text", { class: "tick", x: 6, y: (1 - at) * frame.height, dy: at === 0 ? "-0.2em" : at === 1 ? "0.9em" : "0.32em" }, text));
    }
    if (ranges.has(q)) group.append(svg("rect", { class: "brush", x: -7, width: 14, y: (1 - high) * frame.height, height: Math.max(2, (high - low) * frame.height) }));
    let start = null;
    const where = (event) => {
      const box = chart.root.getBoundingClientRect();
      const y = ((event.clientY - box.top) * chart.root.viewBox.baseVal.height) / box.height - frame.margin.top;
      return Math.max(0, Math.min(1, 1 - y / frame.height));
    };
    group.addEventListener("pointerdown", (event) => {
      start = where(event);
      dragging = { move: (e) => set(q, [Math.min(start, where(e)), Math.max(start, where(e))]), start };
      event.preventDefault();
      group.focus();
    });
    group.addEventListener("keydown", (event) => {
      const [from, to] = ranges.get(q) || [0, 1];
      const way = { ArrowUp: 0.05, ArrowDown: -0.05 }[event.key];
      if (event.key === "Escape") set(q, null);
      else if (way && event.shiftKey) set(q, [Math.max(0, Math.min(to, from + way)), to]);
      else if (way) set(q, [from, Math.max(from, Math.min(1, to + way))]);
      else return;
      event.preventDefault();
    });
    frame.marks.append(group);
  }

  addEventListener("pointermove", (event) => dragging && dragging.move(event));
  addEventListener("pointerup", () => {
    if (!dragging) return;
    dragging = null;
    // A click without a drag clears the axis.
    for (const [q, [low, high]] of ranges) if (high - low < 0.01) set(q, null);
  });

  function set(q, range) {
    if (range && !(range[0] <= 0 && range[1] >= 1)) ranges.set(q, range);
    else ranges.delete(q);
    const rules = [...ranges].map(([axis, [low, high]]) => [share.get(axis), low - 1e-6, high + 1e-6]);
    setFilter("parallel", rules.length ? (i) => rules.every(([f, low, high]) => f(i) >= low && f(i) <= high) : null);
    $("clear-ranges").hidden = !rules.length;
  }

  function rangeText(q) {
    const range = ranges.get(q);
    return range ? `${Math.round(range[0] * 100)} to ${Math.round(range[1] * 100)} % of the axis` : "all";
  }

  function highlight() {
    over.replaceChildren();
    for (const [i, kind] of [[store.selected, "selected"], [store.hovered, "hovered"]]) {
      if (i !== null) over.append(svg("path", { class: "thread " + kind, d: path(i) }));
    }
  }
  $("clear-ranges").addEventListener("click", () => {
    ranges.clear();
    set(axes[0], null);
  });
  on("kept", () => {
    const focused = [...chart.root.querySelectorAll(".dimension")].indexOf(document.activeElement);
    chart.render();
    // Redrawing replaces the axis that has the keyboard: give it back.
    if (focused >= 0) chart.root.querySelectorAll(".dimension")[focused].focus();
  });
  on("hovered", highlight);
  on("selected", highlight);
}

/** A function from a trial to its place on the axis, 0 at the bottom; NaN without a value. */
function shares(q) {
  if (q.levels) {
    const place = new Map(q.levels.map((level, n) => [level, q.levels.length > 1 ? n / (q.levels.length - 1) : 0.5]));
    return (i) => place.get(q.get(i)) ?? NaN;
  }
  const all = [];
  for (let i = 0; i < total; i++) if (state(i) === "complete") all.push(q.get(i));
  const s = scale(extent(all, 0, q.log), [0, 1], q.log);
  return (i) => (isNumber(q.get(i)) ? s(q.get(i)) : NaN);
}

function axisMarks(q) {
  if (q.levels) return q.levels.map((level, n) => [q.levels.length > 1 ? n / (q.levels.length - 1) : 0.5, show(level, q.name)]);
  const all = [];
  for (let i = 0; i < total; i++) if (state(i) === "complete") all.push(q.get(i));
  const [low, high] = extent(all, 0, q.log);
  return [[0, show(low, q.name)], [1, show(high, q.name)]];
}
