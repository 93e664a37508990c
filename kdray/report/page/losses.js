// The loss of each training over its steps.

function lossPlot() {
  const curves = data.losses;
  if (!curves.some((points) => points.length)) return void $("losses").remove();
  let over = null;
  let path = () => "";
  let placed = [];
  const chart = plot($("losses-plot"), {
    height: 320,
    label: "",
    draw: (frame) => {
      const all = curves.flat();
      const x = scale(extent(all.map(([step]) => step), 0.03), [0, frame.width]);
      const y = scale(extent(all.map(([, loss]) => loss)), [frame.height, 0]);
      frame.axes(x, y, { x: "optimizer steps", y: "loss  (better \u2193)" });
      const at = (i) => curves[i].map(([step, loss]) => [x(step), y(loss)]);
      path = (i) => line(at(i));
      const groups = { "stopped dim": [], "complete dim": [], stopped: [], complete: [], front: [] };
      placed = [];
      for (let i = 0; i < total; i++) {
        if (!curves[i].length) continue;
        const kind = onFront.has(i) && store.kept[i] ? "front" : state(i) === "complete" ? "complete" : "stopped";
        groups[store.kept[i] || kind === "front" ? kind : kind + " dim"].push(path(i));
        const [endX, endY] = at(i)[curves[i].length - 1];
        if (store.kept[i]) placed.push([i, endX + frame.margin.left, endY + frame.margin.top]);
      }
      for (const [kind, pieces] of Object.entries(groups)) frame.marks.append(...layered(pieces, "curve " + kind));
      over = frame.over;
    },
  });
  const highlight = () => {
    over.replaceChildren();
    for (const [i, kind] of [[store.selected, "selected"], [store.hovered, "hovered"]]) {
      if (i !== null) over.append(svg("path", { class: "curve " + kind, d: path(i) }));
    }
  };
  pointing(chart, () => placed, "Each training's loss over its steps.");
  on("kept", () => { chart.render(); highlight(); });
  on("hovered", highlight);
  on("selected", highlight);
  views.push({ resized: highlight });
}
