// How the sweep got there: each trial over its rungs, and the hypervolume over trials or time.

function rungPlot() {
  const steps = data.rungs.steps;
  const names = Object.keys(data.rungs.values);
  if (!steps.length || !names.length) return void $("rungs").remove();
  if (!data.trials.state.includes(STATES.indexOf("pruned"))) $("rungs-note").remove();
  let name = names[0];
  let over = null;
  let path = () => "";
  let placed = [];
  $("rungs-controls").append(chooser("Metric", names.map((n) => [n, title(n)]), name, (value) => { name = value; chart.render(); highlight(); }));
  const chart = plot($("rungs-plot"), {
    height: 320,
    label: "",
    draw: (frame) => {
      const values = data.rungs.values[name];
      const log = steps.length > 2 && steps[steps.length - 1] / steps[0] > 5;
      const x = scale(steps.length > 1 ? extent(steps, 0.03, log) : [0, steps[0] * 1.2], [0, frame.width], log);
      const y = scale(extent(values.flat()), [frame.height, 0]);
      const q = quantities.get(name) || { label: title(name), direction: data.directions[name] };
      frame.axes(x, y, { x: "optimizer steps", y: axisTitle(q, true) });
      const at = (i) => values[i].map((value, n) => [x(steps[n]), isNumber(value) ? y(value) : NaN]);
      path = (i) => line(at(i));
      const groups = { "stopped dim": [], "complete dim": [], stopped: [], complete: [], front: [] };
      const ends = [];
      const final = [];
      placed = [];
      for (let i = 0; i < total; i++) {
        const points = at(i).filter((point) => Number.isFinite(point[1]));
        if (!points.length) continue;
        const kind = onFront.has(i) && store.kept[i] ? "front" : state(i) === "complete" ? "complete" : "stopped";
        groups[store.kept[i] || kind === "front" ? kind : kind + " dim"].push(line(points));
        const end = points[points.length - 1];
        if (store.kept[i]) {
          placed.push([i, end[0] + frame.margin.left, end[1] + frame.margin.top]);
          if (state(i) === "pruned") ends.push(end);
          else if (onFront.has(i)) final.push(end);
        }
      }
      for (const [kind, pieces] of Object.entries(groups)) frame.marks.append(...layered(pieces, "curve " + kind));
      frame.marks.append(...layered(ends.map(dot), "dots stopped"), ...layered(final.map(dot), "dots front small"));
      over = frame.over;
    },
  });
  const highlight = () => {
    over.replaceChildren();
    for (const [i, kind] of [[store.selected, "selected"], [store.hovered, "hovered"]]) {
      if (i !== null) over.append(svg("path", { class: "curve " + kind, d: path(i) }));
    }
  };
  pointing(chart, () => placed, "Each trial's metric over its rungs.");
  on("kept", () => { chart.render(); highlight(); });
  on("hovered", highlight);
  on("selected", highlight);
  views.push({ resized: highlight });
}

function historyPlot() {
  const { volume, seconds: clock, trial } = data.history;
  if (!volume.length) return void $("history").remove();
  let by = "trials";
  $("history-controls").append(chooser("Over", [["trials", "trials"], ["seconds", "device time"]], by, (value) => { by = value; chart.render(); }));
  const chart = plot($("history-plot"), {
    height: 320,
    label: "Hypervolume of the front so far.",
    draw: (frame) => {
      const last = clock[clock.length - 1];
      const [unit, size] = last > 7200 ? ["h", 3600] : last > 180 ? ["min", 60] : ["s", 1];
      const xs = by === "trials" ? trial.map((number) => number + 1) : clock.map((s) => s / size);
      const x = scale([0, xs[xs.length - 1] || 1], [0, frame.width]);
      const y = scale([0, Math.max(...volume) * 1.06 || 1], [frame.height, 0]);
      frame.axes(x, y, { x: by === "trials" ? "trials begun" : `device time, ${unit}`, y: "hypervolume  (better \u2191)" });
      const points = [[x(0), y(0)]];
      xs.forEach((value, n) => points.push([x(value), points[points.length - 1][1]], [x(value), y(volume[n])]));
      frame.marks.append(
        svg("path", { class: "dominated", d: line([...points, [points[points.length - 1][0], y(0)]]) + "Z" }),
        svg("path", { class: "front-line", d: line(points) }),
      );
      const half = volume.findIndex((v) => v >= 0.9 * volume[volume.length - 1]);
      if (half > 0 && volume.length > 5) {
        const cx = x(xs[half]);
        const end = cx > frame.width * 0.6;
        frame.marks.append(
          svg("line", { class: "reference-line", x1: cx, x2: cx, y1: y(volume[half]), y2: frame.height }),
          svg("text", { class: "reference", x: cx + (end ? -6 : 6), y: frame.height - 8, "text-anchor": end ? "end" : "start" }, `90 % after ${by === "trials" ? trial[half] + 1 + " trials" : seconds(clock[half])}`),
        );
      }
    },
  });
}
