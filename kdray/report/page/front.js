// The trade-off: every trial, the front, intervals, teacher and baselines.

const view = {
  x: (data.objectives[1] || { name: quantities.has("student_params") ? "student_params" : data.objectives[0].name }).name,
  y: data.objectives[0].name,
  intervals: true, stopped: total <= 400, references: true,
};

function frontPlot() {
  const names = [...quantities.values()].filter((q) => q.kind === "metric" && q.name !== "seconds").map((q) => [q.name, q.label]);
  const controls = $("front-controls");
  const change = (part) => (value) => { view[part] = value; chart.render(); highlight(); };
  controls.append(
    chooser("Vertical", names, view.y, change("y")),
    chooser("Horizontal", names, view.x, change("x")),
    toggle("95 % intervals", view.intervals, change("intervals")),
    toggle("stopped and running trials", view.stopped, change("stopped")),
  );
  if (data.references.length) controls.append(toggle("teacher and baselines", view.references, change("references")));

  let placed = []; // [index, x, y] in the svg's pixels, for pointing
  let over = null;
  let place = null;
  const chart = plot($("front-plot"), {
    height: (width) => Math.max(320, Math.min(580, width * 0.68)),
    label: "",
    draw: (frame) => {
      const [xq, yq] = [quantities.get(view.x), quantities.get(view.y)];
      const shown = [];
      for (let i = 0; i < total; i++) {
        if ((state(i) === "complete" || view.stopped) && isNumber(xq.get(i)) && isNumber(yq.get(i))) shown.push(i);
      }
      const references = view.references ? data.references : [];
      const values = (q) => [...shown.map((i) => q.get(i)), ...references.map((r) => r.metrics[q.name]), ...(view.intervals ? data.front.flatMap((i) => [q.low(i), q.high(i)]) : [])];
      const x = scale(extent(values(xq), 0.06, xq.log), [0, frame.width], xq.log);
      const y = scale(extent(values(yq), 0.06, yq.log), [frame.height, 0], yq.log);
      place = (i) => [x(xq.get(i)), y(yq.get(i))];
      frame.axes(x, y, { x: axisTitle(xq, false), y: axisTitle(yq, true) });
      drawStaircase(frame, shown, xq, yq, x, y);
      if (view.intervals) drawIntervals(frame, shown, xq, yq, x, y);
      drawDots(frame, shown, place);
      drawReferences(frame, references, xq, yq, x, y);
      drawLabels(frame, place, shown);
      placed = shown.filter((i) => store.kept[i]).map((i) => [i, place(i)[0] + frame.margin.left, place(i)[1] + frame.margin.top]);
      over = frame.over;
    },
  });
  const highlight = () => {
    over.replaceChildren();
    for (const [i, name] of [[store.selected, "selected"], [store.hovered, "hovered"]]) {
      if (i === null) continue;
      const [cx, cy] = place(i);
      if (Number.isFinite(cx) && Number.isFinite(cy)) over.append(svg("circle", { class: name, cx, cy, r: name === "selected" ? 9 : 7 }));
    }
  };
  pointing(chart, () => placed, "Trials by two metrics.");
  on("kept", () => { chart.render(); highlight(); });
  on("hovered", highlight);
  on("selected", highlight);
  views.push({ resized: highlight });
}

/** Non-dominated complete trials of the two metrics shown, by x. */
function pairFront(shown, xq, yq) {
  if (!xq.direction || !yq.direction || xq === yq) return [];
  const [sx, sy] = [xq, yq].map((q) => (q.direction === "max" ? -1 : 1));
  const sorted = shown.filter((i) => state(i) === "complete").sort((a, b) => sx * (xq.get(a) - xq.get(b)) || sy * (yq.get(a) - yq.get(b)));
  const front = [];
  let best = Infinity;
  for (const i of sorted) {
    if (sy * yq.get(i) < best) { best = sy * yq.get(i); front.push(i); }
  }
  return front;
}

/** The front's line, and what it dominates as a light area: what the hypervolume measures. */
function drawStaircase(frame, shown, xq, yq, x, y) {
  const front = pairFront(shown, xq, yq);
  if (!front.length) return;
  const worst = (q, s) => s(q.direction === "max" ? s.domain[0] : s.domain[1]);
  const [endX, endY] = [worst(xq, x), worst(yq, y)];
  const steps = [[x(xq.get(front[0])), endY]];
  front.forEach((i, n) => {
    if (n) steps.push([x(xq.get(i)), y(yq.get(front[n - 1]))]);
    steps.push([x(xq.get(i)), y(yq.get(i))]);
  });
  steps.push([endX, steps[steps.length - 1][1]]);
  frame.marks.append(
    svg("path", { class: "dominated", d: line([...steps, [endX, endY]]) + "Z" }),
    svg("path", { class: "front-line", d: line(steps) }),
  );
}

function drawIntervals(frame, shown, xq, yq, x, y) {
  const bars = { all: "", front: "" };
  for (const i of shown) {
    if (!onFront.has(i) && (total > 150 || i !== store.selected)) continue;
    const which = onFront.has(i) ? "front" : "all";
    const [cx, cy] = [x(xq.get(i)), y(yq.get(i))];
    if (xq.low(i) !== null) bars[which] += `M${x(xq.low(i)).toFixed(1)},${cy.toFixed(1)}H${x(xq.high(i)).toFixed(1)}`;
    if (yq.low(i) !== null) bars[which] += `M${cx.toFixed(1)},${y(yq.low(i)).toFixed(1)}V${y(yq.high(i)).toFixed(1)}`;
  }
  for (const [name, path] of Object.entries(bars)) frame.marks.append(svg("path", { class: "interval " + name, d: path }));
}

function drawDots(frame, shown, place) {
  const groups = { "stopped dim": [], "complete dim": [], "front dim": [], stopped: [], complete: [], front: [] };
  for (const i of shown) {
    const kind = onFront.has(i) ? "front" : state(i) === "complete" ? "complete" : "stopped";
    groups[store.kept[i] ? kind : kind + " dim"].push(place(i));
  }
  for (const [name, points] of Object.entries(groups)) frame.marks.append(...layered(points.map(dot), "dots " + name));
}

function drawReferences(frame, references, xq, yq, x, y) {
  for (const reference of references) {
    const [vx, vy] = [reference.metrics[xq.name], reference.metrics[yq.name]];
    if (isNumber(vx) && isNumber(vy)) {
      const [cx, cy] = [x(vx), y(vy)];
      const right = cx > frame.width * 0.7;
      frame.marks.append(
        svg("path", { class: "reference-mark", d: `M${cx},${cy - 7}L${cx + 7},${cy}L${cx},${cy + 7}L${cx - 7},${cy}Z` }),
        svg("text", { class: "reference", x: cx + (right ? -12 : 12), y: cy, dy: "0.32em", "text-anchor": right ? "end" : "start" }, reference.name),
      );
    } else if (isNumber(vy)) {
      // Of two lines that are close, the lower one has its name below it.
      const crowded = references.some((r) => r !== reference && !isNumber(r.metrics[xq.name]) && y(vy) - y(r.metrics[yq.name]) >= 0 && y(vy) - y(r.metrics[yq.name]) < 18);
      frame.marks.append(
        svg("line", { class: "reference-line", x1: 0, x2: frame.width, y1: y(vy), y2: y(vy) }),
        svg("text", { class: "reference", x: frame.width - 4, y: y(vy) + (crowded ? 13 : -5), "text-anchor": "end" }, reference.name),
      );
    } else if (isNumber(vx)) {
      frame.marks.append(
        svg("line", { class: "reference-line", x1: x(vx), x2: x(vx), y1: 0, y2: frame.height }),
        svg("text", { class: "reference", x: x(vx) + 5, y: frame.height - 6 }, reference.name),
      );
    }
  }
}

/** Names of front trials where they do not run into each other; the knee's always. */
function drawLabels(frame, place, shown) {
  const taken = [];
  const visible = new Set(shown);
  for (const i of [...data.front].sort((a, b) => (b === data.knee) - (a === data.knee))) {
    if (!visible.has(i)) continue;
    const [cx, cy] = place(i);
    const [lx, ly] = [cx - 10, cy - 10];
    if (taken.some(([x, y]) => Math.abs(x - lx) < 44 && Math.abs(y - ly) < 14)) continue;
    taken.push([lx, ly]);
    frame.marks.append(svg("text", { class: "name", x: lx, y: ly, "text-anchor": "end" }, key(i) + (i === data.knee ? " \u25c6" : "")));
  }
}
