// The trials: sorted by any column, searched by words and comparisons; rows come as the reader scrolls.

const PAGE = 100;

function trialTable() {
  const columns = tableColumns();
  let sort = { column: columns[0], down: false };
  let order = [];
  let drawn = 0;
  const body = html("tbody");
  const heads = columns.map((column) => {
    const button = html("button", { type: "button", onclick: () => {
      sort = { column, down: sort.column === column ? !sort.down : column.downFirst };
      refresh();
    } }, column.label);
    return html("th", { scope: "col", class: column.numeric ? "n" : null, title: column.define }, button);
  });
  $("table").append(html("table", {}, html("thead", {}, html("tr", {}, ...heads)), body));

  const refresh = () => {
    order = [];
    for (let i = 0; i < total; i++) if (store.kept[i]) order.push(i);
    const { column, down } = sort;
    const way = down ? -1 : 1;
    order.sort((a, b) => compare(column.get(a), column.get(b), way) || a - b);
    heads.forEach((head, n) => head.setAttribute("aria-sort", columns[n] !== column ? "none" : down ? "descending" : "ascending"));
    body.replaceChildren();
    drawn = 0;
    more();
    $("count").textContent = store.numKept === total ? `${total} trials` : `${store.numKept} of ${total} trials`;
  };
  const more = () => {
    const rows = order.slice(drawn, drawn + PAGE).map((i) => tableRow(columns, i));
    drawn += rows.length;
    body.append(...rows);
    $("more").hidden = drawn >= order.length;
  };
  const mark = () => {
    for (const row of body.rows) row.setAttribute("aria-selected", Number(row.dataset.i) === store.selected);
  };
  $("more").addEventListener("click", more);
  new IntersectionObserver((entries) => entries[0].isIntersecting && !$("more").hidden && more()).observe($("more"));
  $("search").addEventListener("input", () => {
    const { rule, problem } = parseSearch($("search").value);
    $("search").setAttribute("aria-invalid", problem ? "true" : "false");
    $("search-problem").textContent = problem;
    setFilter("search", rule);
  });
  on("kept", refresh);
  on("selected", mark);
  refresh();
}

function tableColumns() {
  const placeOnFront = (i) => (i === data.knee ? 0 : onFront.has(i) ? 1 : state(i) === "complete" ? 2 + data.trials.rank[i] : 1e6);
  const columns = [
    { label: "front", get: placeOnFront, text: (i) => (i === data.knee ? "\u25c6" : onFront.has(i) ? "\u25cf" : ""), numeric: false },
    { label: "trial", get: (i) => data.trials.number[i], text: key, numeric: false },
    { label: "state", get: (i) => data.trials.state[i], text: (i) => STATE_WORDS[state(i)], numeric: false },
  ];
  const metrics = [...data.objectives.map((o) => o.name), "student_params", "agreement"];
  for (const name of new Set(metrics)) {
    const q = quantities.get(name);
    if (!q) continue;
    const better = { max: " \u2191", min: " \u2193" }[q.direction] || "";
    columns.push({ label: q.label + better, define: definition(name), get: q.get, text: (i) => withInterval(q, i), numeric: true, downFirst: q.direction === "max" });
    if (objectiveDirection[name] && Object.keys(data.test).length) {
      columns.push({ label: `${q.label} on test`, get: (i) => onTest(i, name)?.[0] ?? null, text: (i) => testWords(i, name), numeric: true, downFirst: q.direction === "max" });
    }
  }
  if (Object.keys(data.ties).length > 1) columns.push({ label: "tie", get: (i) => data.ties[i] ?? null, text: (i) => data.ties[i] ?? NOTHING, numeric: false });
  for (const setting of data.settings) {
    const q = quantities.get(setting.path);
    columns.push({ label: q.label, get: q.get, text: (i) => show(q.get(i), q.name), numeric: !q.levels || q.levels.every(isNumber) });
  }
  columns.push({ label: "probability of the front", get: (i) => data.trials.probability[i], text: (i) => show(data.trials.probability[i]), numeric: true, downFirst: true });
  columns.push({ label: "time", get: (i) => data.trials.seconds[i], text: (i) => seconds(data.trials.seconds[i]), numeric: true });
  return columns;
}

function tableRow(columns, i) {
  const cells = columns.map((column, n) => {
    if (n === 1) return html("th", { scope: "row" }, html("button", { type: "button", class: "pick" }, column.text(i)));
    return html("td", { class: column.numeric ? "n" : null }, column.text(i));
  });
  return html("tr", {
    "data-i": i, class: onFront.has(i) ? "front" : state(i) === "complete" ? null : "faint", "aria-selected": i === store.selected ? "true" : "false",
    onclick: () => select(i), onpointerenter: () => hover(i), onpointerleave: () => hover(null),
  }, ...cells);
}

/** Missing values last, whatever the direction. */
function compare(a, b, way) {
  const [noA, noB] = [a === null || a === undefined, b === null || b === undefined];
  if (noA || noB) return noA - noB;
  return way * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));
}

/** `alpha>0.4 hidden=128 front rename` as a rule: comparisons, the word front, and text in keys, states, settings, reasons. */
function parseSearch(text) {
  const rules = [];
  for (const word of text.trim().split(/\s+/).filter(Boolean)) {
    const match = word.match(/^([\w.]+)(<=|>=|!=|=|<|>)(.+)$/);
    if (match) {
      const q = [...quantities.values()].find((one) => one.name === match[1] || title(one.name).replaceAll(" ", "_") === match[1]);
      if (!q) return { rule: () => false, problem: `no metric or setting is called '${match[1]}'` };
      rules.push((i) => compares(q.get(i), match[2], match[3]));
    } else if (word.toLowerCase() === "front") {
      rules.push((i) => onFront.has(i));
    } else {
      const wanted = word.toLowerCase();
      rules.push((i) => haystack(i).includes(wanted));
    }
  }
  return { rule: rules.length ? (i) => rules.every((rule) => rule(i)) : null, problem: "" };
}

function compares(value, sign, text) {
  if (value === null || value === undefined) return false;
  if (sign === "=") return String(value) === text || value === Number(text);
  if (sign === "!=") return String(value) !== text && value !== Number(text);
  const bound = Number(text);
  return { "<": value < bound, ">": value > bound, "<=": value <= bound, ">=": value >= bound }[sign];
}

const haystacks = [];
function haystack(i) {
  haystacks[i] ??= [key(i), state(i), STATE_WORDS[state(i)], data.trials.reason[i] || "", ...data.settings.map((s) => `${title(s.path)}=${data.trials.settings[s.path][i]}`)].join(" ").toLowerCase();
  return haystacks[i];
}
