// Where students fail: their worst metamorphic cases, each with what the teacher answers.

/** The worst cases of a trial's student, worst first; `n` is the same for two students of one case. */
function casesOf(i) {
  return (data.cases.of[i] || []).map(([n, student]) => ({ ...data.cases.all[n], student, n }));
}

const caseTitle = (one) => html("p", {}, html("b", {}, title(String(one.relation ?? "").replaceAll(", ", " \u00b7 "))), " after ", html("b", {}, title(String(one.transform ?? ""))));

/** Who says what: a row for each of [who, answer] that has an answer. */
function answers(rows) {
  const said = rows.filter(([, answer]) => answer !== undefined && answer !== null);
  return html("dl", { class: "pairs" }, ...said.flatMap(([who, answer]) => [html("dt", {}, who), html("dd", {}, html("code", {}, String(answer)))]));
}

function changed(one) {
  return one.diff ? html("details", {}, html("summary", {}, "What was changed"), html("pre", { tabindex: 0 }, String(one.diff))) : null;
}

function caseItem(one, rows) {
  return html("li", {}, caseTitle(one), html("pre", { tabindex: 0 }, String(one.source ?? "")), changed(one), answers(rows));
}

/** The worst of all at once, the others on demand. */
function caseList(cases) {
  const own = (one) => [["truth", one.truth], ["teacher", one.teacher], ["student", one.student]];
  const [worst] = cases;
  const list = html("ol", { class: "cases" }, ...cases.map((one) => caseItem(one, own(one))));
  return html("div", { class: "worst" },
    html("h4", {}, "Where it fails most"),
    html("p", { class: "faint" }, "after ", title(String(worst.transform ?? ""))),
    html("div", { class: "cases" }, answers(own(worst))),
    html("details", {}, html("summary", {}, `Worst metamorphic cases (${cases.length})`), list),
  );
}
