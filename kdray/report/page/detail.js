// One trial in full: metrics against the teacher, settings, how to get it, and where it fails.

function detail() {
  const i = store.selected;
  const host = $("detail");
  if (i === null) {
    host.replaceChildren(html("p", { class: "hint" }, "Select a trial in any plot or in the table."));
    return;
  }
  const cases = casesOf(i);
  const reason = data.trials.reason[i];
  const complete = state(i) === "complete";
  host.replaceChildren(...[
    html("div", { class: "detail-head" }, html("h3", {}, key(i)), badge(i), steps(i)),
    whereItLies(i),
    reason ? html("p", { class: "reason" }, reason) : null,
    cases.length ? caseList(cases) : null,
    metricTable(i),
    html("h4", {}, "What the search chose"),
    pairs(data.settings.map((s) => [s.path, data.trials.settings[s.path][i]])),
    html("details", {}, html("summary", {}, "Shared by all trials"), pairs(Object.entries(data.common))),
    complete ? html("p", { class: "command" }, html("code", {}, `kdray export ${data.name} ${key(i)} OUT`)) : null,
    ...(data.relations[i] ? [html("h4", {}, "Violated relations by transformation"), relationTable(data.relations[i]), relationWords()] : []),
  ].filter(Boolean));
}

/** Links to its folder and its log, where the page lies beside them. */
function whereItLies(i) {
  const { base, logs } = data.links;
  if (base === null) return null;
  const folder = `${base}trials/${key(i)}/`;
  return html("p", { class: "links" }, html("a", { href: folder }, "folder"), ...(logs.includes(i) ? [" ", html("a", { href: folder + "log.txt" }, "log")] : []));
}

/** What is shown of every student. */
function firstMetrics() {
  return [...new Set([...data.objectives.map((o) => o.name), "student_params", "agreement", "violating_share", "flips", "ece", "latency_ms"])];
}

/** A metric's name, and what it is for whoever asks. */
function named(q) {
  const meaning = definition(q.name);
  return meaning ? html("details", { class: "what" }, html("summary", {}, q.label), meaning) : q.label;
}

/** A value with its interval below it. */
function stacked(text) {
  const [value, interval] = text.split(" [");
  return interval ? [value, html("span", { class: "ends" }, " [" + interval)] : [text];
}

function relationWords() {
  const words = Object.entries(SHORT_RELATIONS).map(([name, short]) => `${short}: ${definition(name) || title(name)}`);
  return html("p", { class: "note" }, words.join("; ") + ".");
}

/** To the neighbours on the front. */
function steps(i) {
  const sorted = data.front;
  const at = sorted.indexOf(i);
  const go = (to, text, label) => html("button", { type: "button", "aria-label": label, title: label, disabled: to < 0 || to >= sorted.length, onclick: () => select(sorted[to]) }, text);
  return html("span", { class: "steps" }, go(at < 0 ? 0 : at - 1, "\u2190", "previous on the front"), go(at < 0 ? 0 : at + 1, "\u2192", "next on the front"));
}

function metricTable(i) {
  const teacher = data.references.find((r) => r.name === "teacher");
  const [body, rest] = [html("tbody"), html("tbody", { hidden: true })];
  const first = new Set(firstMetrics());
  for (const name of new Set([...first, ...Object.keys(data.trials.metrics)])) {
    const q = quantities.get(name);
    if (!q || q.get(i) === null) continue;
    const other = teacher ? teacher.metrics[name] : null;
    const cells = [html("th", { scope: "row" }, named(q)), html("td", { class: "n" }, ...stacked(withInterval(q, i)))];
    if (data.test[i]) cells.push(html("td", { class: "n" }, ...stacked(testWords(i, name))), html("td", { class: "n" }, objectiveDirection[name] ? optimism(i, name) : ""));
    if (teacher) cells.push(html("td", { class: "n faint" }, show(other ?? null, name)));
    (first.has(name) ? body : rest).append(html("tr", { class: objectiveDirection[name] ? "strong" : null }, ...cells));
  }
  const probability = data.trials.probability[i];
  if (probability !== null) {
    body.append(html("tr", {}, html("th", { scope: "row" }, "probability of the front"), html("td", { class: "n" }, show(probability)), ...(data.test[i] ? [html("td"), html("td")] : []), teacher ? html("td") : null));
  }
  const chosen = data.test[i] ? ["chosen by", "test suite", "optimism"] : ["student"];
  const heads = ["", ...chosen, ...(teacher ? ["teacher"] : [])].map((head, n) => (n ? html("th", { scope: "col", class: "n" }, head) : html("td")));
  const table = html("table", { class: "metrics" }, html("thead", {}, html("tr", {}, ...heads)), body, rest);
  if (!rest.rows.length) return table;
  const all = html("button", { type: "button", class: "quiet", onclick: () => { rest.hidden = false; all.remove(); } }, `${rest.rows.length} more metrics`);
  return html("div", {}, table, all);
}

const SHORT_RELATIONS = {
  prediction_agreement_violated: "other answer", distribution_similarity_violated: "dissimilar", high_confidence_preservation_violated: "unsure", calibration_alignment_violated: "miscalibrated",
};

/** Rates of violation, a row per transformation, a column per relation; the stronger the colour, the more. */
function relationTable(relations) {
  const names = [...new Set(Object.values(relations).flatMap((rates) => Object.keys(rates)))].filter((name) => name !== "variants");
  const body = html("tbody");
  for (const [transform, rates] of Object.entries(relations)) {
    const cells = names.map((name) => {
      const cell = html("td", { class: "n heat" }, show(rates[name] ?? null, data.objectives[0].name));
      if (isNumber(rates[name])) cell.style.setProperty("--share", `${Math.round(55 * rates[name])}%`);
      return cell;
    });
    body.append(html("tr", {}, html("th", { scope: "row", title: `${rates.variants ?? 0} variants` }, title(transform)), ...cells));
  }
  const heads = names.map((name) => html("th", { scope: "col", class: "n", title: `${title(name)}: ${definition(name) || ""}` }, SHORT_RELATIONS[name] || title(name)));
  return html("table", { class: "metrics relations" }, html("thead", {}, html("tr", {}, html("td"), ...heads)), body);
}

function pairs(entries) {
  const list = html("dl", { class: "pairs" });
  for (const [path, value] of entries) list.append(html("dt", {}, path), html("dd", {}, show(value, path)));
  return list;
}
