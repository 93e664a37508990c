// Parallel coordinates: every setting and objective of every trial; a range dragged on an axis filters all views.

function parallelPlot() {
  const names = [...data.settings.map((s) => s.path), ...data.objectives.map((o) => o.name)];
  if (quantities.has("student_params") && !objectiveDirection.student_params) names.splice(data.settings.length, 0, "student_params");
  const axes = names.map((name) => quantities.get(name)).filter(Boolean);
  const share = new Map(axes.map((q) => [q, shares(q)]));
  const ranges = new Map(); // axis -> [low, high] as shares of its height, 0 at the bottom
  const groups = new Map(); // axis -> its drawn node and brush; they outlive a change of the ranges, and so does the keyboard's place
  let height = 0;
  let threads = null;
  let over = null;
  let path = () => "";
  let drag = null; // what a pointer that is down does when it moves

  const chart = plot($("parallel-plot"), {
    height: 360,
    margin: { top: 56, right: 60, bottom: 30, left: 60 },
    least: 84 * axes.length, // on a phone it is moved under the finger instead of squeezed
    label: "Settings and objectives of every trial as parallel axes.",
    draw: (frame) => {
      height = frame.height;
      const at = (n) => (axes.length > 1 ? (n * frame.width) / (axes.length - 1) : frame.width / 2);
      path = (i) => line(axes.map((q, n) => [at(n), (1 - share.get(q)(i)) * height]));
      threads = frame.marks.appendChild(svg("g"));
      over = frame.marks.appendChild(svg("g"));
      axes.forEach((q, n) => frame.marks.append(drawAxis(frame, q, at(n))));
      update();
    },
  });

  chart.root.setAttribute("role", "group"); // its axes are controls

  /** Threads and brushes after a change of what is kept. */
  function update() {
    const pieces = { dim: [], complete: [], front: [] };
    for (let i = 0; i < total; i++) {
      if (state(i) === "complete") pieces[!store.kept[i] ? "dim" : onFront.has(i) ? "front" : "complete"].push(path(i));
    }
    threads.replaceChildren(...Object.entries(pieces).flatMap(([kind, d]) => layered(d, "thread " + kind)));
    for (const [q, { group, brush }] of groups) {
      const [low, high] = ranges.get(q) || [0, 1];
      group.setAttribute("aria-valuetext", ranges.has(q) ? `${Math.round(low * 100)} to ${Math.round(high * 100)} % of the axis` : "all");
      group.setAttribute("aria-valuenow", Math.round(high * 100));
      brush.setAttribute("visibility", ranges.has(q) ? "visible" : "hidden");
      brush.setAttribute("y", (1 - high) * height);
      brush.setAttribute("height", Math.max(2, (high - low) * height));
    }
    highlight();
  }

  function highlight() {
    over.replaceChildren();
    for (const [i, kind] of [[store.selected, "selected"], [store.hovered, "hovered"]]) {
      if (i !== null) over.append(svg("path", { class: "thread " + kind, d: path(i) }));
    }
  }

  function drawAxis(frame, q, x) {
    const better = { max: "\u00a0\u2191", min: "\u00a0\u2193" }[objectiveDirection[q.name]] || "";
    const label = `Range of ${q.label}. Up and Down move the upper end, with Shift the lower end, Escape clears.`;
    const group = svg("g", { class: "dimension", transform: `translate(${x},0)`, tabindex: 0, role: "slider", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 });
    const brush = svg("rect", { class: "brush", x: -7, width: 14 });
    const words = (q.label + better).split(" ");
    group.append(
      svg("rect", { class: "grip", x: -16, y: -6, width: 32, height: height + 12 }),
      svg("line", { class: "axis", y1: 0, y2: height }),
      ...words.map((word, w) => svg("text", { class: "title", y: -14 - 15 * (words.length - 1 - w), "text-anchor": "middle" }, word)),
      ...axisMarks(q).map(([at, text]) => svg("text", { class: "tick", x: 6, y: (1 - at) * height, dy: at === 0 ? "-0.2em" : at === 1 ? "0.9em" : "0.32em" }, text)),
      brush,
    );
    groups.set(q, { group, brush });
    const where = (event) => {
      const box = chart.root.getBoundingClientRect();
      const y = ((event.clientY - box.top) * chart.root.viewBox.baseVal.height) / box.height - frame.margin.top;
      return Math.max(0, Math.min(1, 1 - y / height));
    };
    group.addEventListener("pointerdown", (event) => {
      const start = where(event);
      drag = (e) => set(q, [Math.min(start, where(e)), Math.max(start, where(e))]);
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
    return group;
  }

  function set(q, range) {
    if (range && !(range[0] <= 0 && range[1] >= 1)) ranges.set(q, range);
    else ranges.delete(q);
    const rules = [...ranges].map(([axis, [low, high]]) => [share.get(axis), low - 1e-6, high + 1e-6]);
    setFilter("parallel", rules.length ? (i) => rules.every(([f, low, high]) => f(i) >= low && f(i) <= high) : null);
    $("clear-ranges").hidden = !rules.length;
  }

  addEventListener("pointermove", (event) => drag && drag(event));
  addEventListener("pointerup", () => {
    if (!drag) return;
    drag = null;
    // A click without a drag clears the axis.
    for (const [q, [low, high]] of ranges) if (high - low < 0.01) set(q, null);
  });
  $("clear-ranges").addEventListener("click", () => {
    ranges.clear();
    set(axes[0], null);
  });
  on("kept", update);
  on("hovered", highlight);
  on("selected", highlight);
}

/** A function from a trial to its place on the axis, 0 at the bottom; NaN without a value. */
function shares(q) {
  if (q.levels) {
    const place = new Map(axisMarks(q).map(([at], n) => [q.levels[n], at]));
    return (i) => place.get(q.get(i)) ?? NaN;
  }
  const s = scale(axisExtent(q), [0, 1], q.log);
  return (i) => (isNumber(q.get(i)) ? s(q.get(i)) : NaN);
}

/** Where on the axis which value is written. */
function axisMarks(q) {
  if (q.levels) return q.levels.map((level, n) => [q.levels.length > 1 ? n / (q.levels.length - 1) : 0.5, show(level, q.name)]);
  const [low, high] = axisExtent(q);
  return [[0, show(low, q.name)], [1, show(high, q.name)]];
}

function axisExtent(q) {
  const values = [];
  for (let i = 0; i < total; i++) if (state(i) === "complete") values.push(q.get(i));
  return extent(values, 0, q.log);
}
