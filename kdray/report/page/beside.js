// Two students side by side: what they measured, the settings that differ, the answers that differ.

const besideOf = { other: null };

function besideView() {
  const students = [...new Set([...data.front, ...Array.from({ length: total }, (_, i) => i).filter((i) => state(i) === "complete")])];
  if (students.length < 2) return void $("beside").remove();
  $("beside").hidden = false;
  const controls = () => {
    const options = students.filter((i) => i !== store.selected).map((i) => [String(i), key(i) + (onFront.has(i) ? " (front)" : "")]);
    $("beside-controls").replaceChildren(
      html("span", {}, html("b", {}, key(store.selected)), " beside"),
      chooser("student", options, String(besideOf.other), (value) => { besideOf.other = Number(value); draw(); }),
    );
  };
  const draw = () => {
    const [one, other] = [store.selected, besideOf.other];
    $("beside-body").replaceChildren(html("div", { class: "pair tight" },
      html("div", {}, html("h3", {}, "What they measured"), besideMetrics(one, other), html("h3", {}, "Settings that differ"), besideSettings(one, other)),
      html("div", {}, html("h3", {}, "Answers that differ"), ...besideAnswers(one, other)),
    ));
  };
  on("selected", () => {
    if (store.selected === null) return;
    if (besideOf.other === null || besideOf.other === store.selected) besideOf.other = students.find((i) => i !== store.selected);
    controls();
    draw();
  });
}

function besideTable(one, other, rows, last) {
  const heads = ["", key(one), key(other), last].filter((head) => head !== null);
  return html("table", { class: "metrics" },
    html("thead", {}, html("tr", {}, ...heads.map((head, n) => (n ? html("th", { scope: "col", class: "n" }, head) : html("td"))))),
    html("tbody", {}, ...rows.map(([name, ...cells]) => html("tr", {}, html("th", { scope: "row" }, name), ...cells.map((cell) => html("td", { class: "n" }, ...stacked(cell)))))),
  );
}

function besideMetrics(one, other) {
  const teacher = data.references.find((r) => r.name === "teacher");
  const rows = firstMetrics().map((name) => quantities.get(name)).filter((q) => q && q.get(one) !== null && q.get(other) !== null);
  return besideTable(one, other, rows.map((q) => [q.label, withInterval(q, one), withInterval(q, other), ...(teacher ? [show(teacher.metrics[q.name] ?? null, q.name)] : [])]), teacher ? "teacher" : null);
}

function besideSettings(one, other) {
  const values = data.settings.map(({ path }) => [path, data.trials.settings[path][one], data.trials.settings[path][other]]);
  const differ = values.filter(([, a, b]) => a !== b);
  if (!differ.length) return html("p", { class: "hint" }, "None.");
  return besideTable(one, other, differ.map(([path, a, b]) => [title(path), show(a, path), show(b, path)]), null);
}

/** How often one alone is right, and the worst cases of both where they answer otherwise. */
function besideAnswers(one, other) {
  const parts = [];
  const [a, b] = [data.right[one], data.right[other]];
  if (a && b && a.of === b.of && a.right.length === b.right.length) {
    const count = (x, y) => [...a.right].filter((bit, n) => bit === x && b.right[n] === y).length;
    parts.push(html("p", {}, `Of ${a.right.length} inputs both are right in ${count("1", "1")}, ${key(one)} alone in ${count("1", "0")}, ${key(other)} alone in ${count("0", "1")}.`));
  }
  const theirs = new Map(casesOf(other).map((c) => [c.n, c]));
  const differ = casesOf(one).filter((c) => theirs.has(c.n) && theirs.get(c.n).student !== c.student);
  if (!differ.length) return [...parts, html("p", { class: "hint" }, "No case is among the worst of both with two answers.")];
  const rows = (c) => [["truth", c.truth], ["teacher", c.teacher], [key(one), c.student], [key(other), theirs.get(c.n).student]];
  const list = (cases) => html("ol", { class: "cases" }, ...cases.map((c) => caseItem(c, rows(c))));
  parts.push(html("p", { class: "hint" }, `${differ.length} cases among the worst of both:`), list(differ.slice(0, 1)));
  if (differ.length > 1) parts.push(html("details", {}, html("summary", {}, `${differ.length - 1} more`), list(differ.slice(1))));
  return parts;
}
