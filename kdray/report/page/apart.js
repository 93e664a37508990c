// Each student's difference from one of them, case by case, with its interval: what is sure stands out.

const ROW = 22;

function apartPlots() {
  const { from, rows, test } = data.differences;
  if (!data.reading) return void $("apart").remove();
  $("reading").textContent = data.reading;
  if (from === null || !rows.length) return void $("apart-plots").parentNode.remove();
  for (const metric of new Set(rows.map((row) => row.metric))) {
    const shown = rows.filter((row) => row.metric === metric);
    const host = html("div");
    $("apart-plots").append(html("div", {}, html("h3", {}, `${title(metric)}, less that of ${key(from)}`), host));
    apartPlot(host, shown, metric, from);
  }
  const where = test ? "the test suite" : "the cases they were chosen by";
  $("apart-note").textContent = `On ${where}: 95 % intervals, drawn by test file. ${rows.some((row) => row.sure) ? "Filled and blue: the difference stands" : "No difference stands"} after Holm's correction over all pairs.`;
}

function apartPlot(host, rows, metric, from) {
  plot(host, {
    height: 60 + ROW * rows.length,
    label: `Differences in ${title(metric)} from ${key(from)}.`,
    draw: (frame) => {
      const x = scale(extent([0, ...rows.flatMap((row) => row.at)]), [0, frame.width]);
      const y = (n) => ((n + 0.5) * frame.height) / rows.length;
      frame.axes(x, null, { x: `difference${objectiveDirection[metric] === "max" ? "  (better \u2192)" : "  (\u2190 better)"}` });
      frame.marks.append(svg("line", { class: "reference-line", x1: x(0), x2: x(0), y1: 0, y2: frame.height }));
      rows.forEach((row, n) => {
        const [value, low, high] = row.at;
        const group = svg("g", { class: row.sure ? "apart sure" : "apart", onclick: () => select(row.trial) }, svg("title", {}, `${key(row.trial)}: ${show(value, metric)} [${show(low, metric)}, ${show(high, metric)}]`));
        if (isNumber(low)) group.append(svg("line", { x1: x(low), x2: x(high), y1: y(n), y2: y(n) }));
        group.append(svg("circle", { cx: x(value), cy: y(n), r: 4 }), svg("text", { class: "reference", x: -8, y: y(n) + 4, "text-anchor": "end" }, key(row.trial)));
        frame.marks.append(group);
      });
    },
  });
}
