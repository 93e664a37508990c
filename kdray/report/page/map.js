// Two settings against a metric: a map of the measured values and a smooth guess between them; main effects; importance.

function mapPlot() {
  const numeric = data.settings.filter((s) => !s.levels || s.levels.every(isNumber)).map((s) => s.path);
  if (numeric.length < 2) return void $("map").remove();
  const pick = (path, other) => (numeric.includes(path) ? path : numeric.find((p) => p !== other));
  const chosen = { x: pick("distil.alpha", "distil.temperature") };
  chosen.y = pick("distil.temperature", chosen.x);
  if (chosen.x === chosen.y) chosen.y = numeric.find((p) => p !== chosen.x);
  chosen.z = data.objectives[0].name;
  const metrics = [...quantities.values()].filter((q) => q.kind === "metric").map((q) => [q.name, q.label]);
  const change = (part) => (value) => { chosen[part] = value; chart.render(); highlight(); };
  const paths = numeric.map((path) => [path, title(path)]);
  $("map-controls").append(
    chooser("Colour", metrics, chosen.z, change("z")), chooser("Horizontal", paths, chosen.x, change("x")), chooser("Vertical", paths, chosen.y, change("y")),
  );
  let placed = [];
  let over = null;
  const chart = plot($("map-plot"), {
    height: (width) => Math.max(330, Math.min(520, width * 0.84)),
    margin: { top: 14, right: 18, bottom: 98, left: 62 },
    label: "",
    draw: (frame) => {
      const [xq, yq, zq] = [chosen.x, chosen.y, chosen.z].map((name) => quantities.get(name));
      const shown = [];
      for (let i = 0; i < total; i++) {
        if (state(i) === "complete" && [xq, yq, zq].every((q) => isNumber(q.get(i)))) shown.push(i);
      }
      shown.sort((a, b) => onFront.has(a) - onFront.has(b)); // the front is drawn last, on top
      const x = scale(extent(shown.map(xq.get), 0.03, xq.log), [0, frame.width], xq.log);
      const y = scale(extent(shown.map(yq.get), 0.03, yq.log), [frame.height, 0], yq.log);
      const range = extent(shown.map(zq.get), 0);
      const colour = (value) => ramp((value - range[0]) / (range[1] - range[0] || 1), zq.direction === "min");
      const points = shown.map((i) => [x(xq.get(i)), y(yq.get(i)), zq.get(i)]);
      frame.axes(x, y, { x: xq.label, y: yq.label });
      $("ground").hidden = points.length < 12;
      if (!$("ground").hidden) smooth(frame, points, colour);
      shown.forEach((i, n) => frame.marks.append(svg("circle", {
        class: "sample" + (onFront.has(i) ? " front" : "") + (store.kept[i] ? "" : " dim"), cx: points[n][0].toFixed(1), cy: points[n][1].toFixed(1),
        r: shown.length > 800 ? 2.5 : 5, fill: colour(points[n][2]),
      })));
      legend(frame, range, zq, colour);
      placed = shown.filter((i) => store.kept[i]).map((i) => [i, x(xq.get(i)) + frame.margin.left, y(yq.get(i)) + frame.margin.top]);
      over = frame.over;
    },
  });
  const highlight = () => {
    over.replaceChildren();
    for (const [i, kind] of [[store.selected, "selected"], [store.hovered, "hovered"]]) {
      const point = placed.find(([j]) => j === i);
      if (point) over.append(svg("circle", { class: kind, cx: point[1] - 62, cy: point[2] - 14, r: 9 }));
    }
  };
  pointing(chart, () => placed, "Trials by two settings, coloured by a metric.");
  on("kept", () => { chart.render(); highlight(); });
  on("hovered", highlight);
  on("selected", highlight);
  on("theme", () => { chart.render(); highlight(); });
  views.push({ resized: highlight });
}

/** 0..1 as a colour between the surface and the accent; better is always the stronger one. */
function ramp(share, less) {
  const strength = Math.round(8 + 92 * Math.max(0, Math.min(1, less ? 1 - share : share)));
  return `color-mix(in oklab, var(--accent) ${strength}%, var(--ramp))`;
}

/** A kernel-weighted mean of the measured values; a tile fades where no trial is near. */
function smooth(frame, points, colour) {
  const [columns, rows] = [24, 16];
  const [w, h] = [frame.width / columns, frame.height / rows];
  const reach = Math.max(frame.width, frame.height) * Math.max(0.06, 0.5 / Math.sqrt(points.length));
  for (let c = 0; c < columns; c++) {
    for (let r = 0; r < rows; r++) {
      const [cx, cy] = [(c + 0.5) * w, (r + 0.5) * h];
      let weight = 0;
      let sum = 0;
      for (const [px, py, value] of points) {
        const near = Math.exp(-((px - cx) ** 2 + (py - cy) ** 2) / (2 * reach * reach));
        weight += near;
        sum += near * value;
      }
      if (weight < 0.3) continue;
      frame.marks.append(svg("rect", {
        class: "tile", x: Math.round(c * w), y: Math.round(r * h), width: Math.round((c + 1) * w) - Math.round(c * w),
        height: Math.round((r + 1) * h) - Math.round(r * h), fill: colour(sum / weight), "fill-opacity": (0.55 * Math.min(1, weight / 2)).toFixed(2),
      }));
    }
  }
}

function legend(frame, range, quantity, colour) {
  const [left, top, width] = [0, frame.height + 70, Math.min(240, frame.width)];
  for (let n = 0; n < 40; n++) {
    const value = range[0] + ((range[1] - range[0]) * n) / 39;
    frame.grid.append(svg("rect", { x: left + (n * width) / 40, y: top, width: width / 40 + 0.5, height: 8, fill: colour(value) }));
  }
  frame.grid.append(
    svg("text", { class: "tick", x: left, y: top + 22 }, show(range[0], quantity.name)),
    svg("text", { class: "tick", x: left + width, y: top + 22, "text-anchor": "end" }, show(range[1], quantity.name)),
    svg("text", { class: "title", x: left, y: top - 6 }, axisTitle(quantity, false)),
  );
}

const UNTOLD = "not to be told from nothing";

/** Small multiples: the mean effect of a setting on an objective, others held as they were, with a 95 % band. */
function effectPlots() {
  if (!data.effects.length) {
    const wanted = `Main effects and importance are estimated from ${data.least_trials} complete trials on.`;
    $("effects").replaceChildren(html("p", { class: "hint" }, wanted));
    return;
  }
  for (const effect of data.effects) {
    const q = quantities.get(effect.metric);
    const host = html("div", { class: "small" }, html("h4", {}, axisTitle(q, true)), effect.told ? null : html("p", { class: "hint" }, UNTOLD));
    $("effects-plots").append(host);
    plot(host, {
      height: 236,
      least: 200,
      margin: { top: 8, right: 12, bottom: 44, left: 42 },
      label: `Main effect of ${title(effect.path)} on ${title(effect.metric)}.`,
      draw: (frame) => {
        const x = scale(extent(effect.at, 0, effect.log), [0, frame.width], effect.log);
        const y = scale(extent([...effect.low, ...effect.high], 0.08), [frame.height, 0]);
        frame.axes(x, y, { x: title(effect.path), y: "" });
        const upper = effect.at.map((a, n) => [x(a), y(effect.high[n])]);
        const lower = effect.at.map((a, n) => [x(a), y(effect.low[n])]).reverse();
        frame.marks.append(
          svg("path", { class: "band", d: line([...upper, ...lower]) + "Z" }),
          svg("path", { class: "front-line", d: line(effect.at.map((a, n) => [x(a), y(effect.mean[n])])) }),
        );
      },
    });
  }
}

function shareWords(share, [low, high], isTold) {
  const percent = (value) => Math.round(100 * value);
  return `${percent(share)} % [${percent(low)}${NOTHING}${percent(high)}]${isTold ? "" : ", " + UNTOLD}`;
}

function importanceBars() {
  if (!data.importance.length) return void $("importance").remove();
  for (const { metric, shares, intervals, told } of data.importance) {
    const list = html("dl", { class: "bars" });
    const most = Math.max(...shares.map(([path, share]) => Math.max(share, intervals[path][1])), 1e-9);
    const across = (share) => `${(100 * Math.min(share, most)) / most}%`;
    for (const [path, share] of shares) {
      const [bar, ends] = [html("span", { class: "bar" }), html("span", { class: "whisker" })];
      const [low, high] = intervals[path];
      bar.style.width = across(share);
      ends.style.left = across(low);
      ends.style.width = across(high - low);
      list.append(html("dt", {}, title(path)), html("dd", {}, html("span", { class: "track" }, bar, ends), html("span", { class: "n" }, shareWords(share, [low, high], told.includes(path)))));
    }
    $("importance-bars").append(html("div", {}, html("h4", {}, title(metric)), list));
  }
}
