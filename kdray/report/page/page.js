// Puts the page together.

listeners.theme = [];

function summary() {
  const counts = STATES.map((name, n) => [name, data.trials.state.filter((s) => s === n).length]).filter(([, count]) => count);
  $("name").textContent = data.name;
  document.title = `${data.name} \u00b7 kdray`;
  const parts = counts.map(([name, count]) => `${count} ${STATE_WORDS[name]}`).join(", ");
  $("counts").textContent = `${total} trials: ${parts}${data.note ? ". " + data.note : ""}`;
  $("about").append(...data.about.flatMap(([name, value]) => [html("dt", {}, name), html("dd", {}, value)]));
  const figures = data.objectives.map((o) => {
    const q = quantities.get(o.name);
    const sign = o.direction === "max" ? -1 : 1;
    const best = [...data.front].sort((a, b) => sign * (q.get(a) - q.get(b)))[0];
    return best === undefined ? null : [o.direction === "max" ? `best ${q.label}` : `least ${q.label}`, show(q.get(best), o.name), `${key(best)} ${interval(q, best)}${onTest(best, o.name) ? `, on test ${testWords(best, o.name)}` : ""}`];
  }).filter(Boolean);
  figures.push(["on the front", String(data.front.length), data.knee === null ? "" : `knee ${key(data.knee)}`]);
  if (data.front.length) {
    const point = Object.entries(data.reference).map(([name, at]) => `${title(name)} ${show(at, name)}`).join(", ");
    figures.push(["hypervolume", show(data.hypervolume, data.objectives[0].name), `up to ${point}`]);
  }
  figures.push(["device time", seconds(data.trials.seconds.reduce((a, b) => a + b, 0) * data.devices), data.devices === 1 ? "one device a trial" : `${data.devices} devices a trial`]);
  $("figures").append(...figures.map(([name, value, more]) => html("div", { class: "figure" }, html("dt", {}, name), html("dd", {}, html("b", {}, value), html("span", {}, more)))));
}

function interval(q, i) {
  return q.low(i) === null ? "" : `[${bare(q.low(i))}${NOTHING}${bare(q.high(i))}]`;
}

/** What every metric is whose name does not say it. */
function glossary() {
  const known = Object.keys(data.trials.metrics).filter(definition).map((name) => [title(name), definition(name)]);
  if (!known.length) return void $("glossary").remove();
  $("glossary").append(html("dl", {}, ...known.flatMap(([name, meaning]) => [html("dt", {}, name), html("dd", {}, meaning)])));
}

/** The trial that the address names, else the knee. */
function atFirst() {
  const named = Array.from({ length: total }, (_, i) => i).find((i) => "#" + key(i) === location.hash);
  return named === undefined ? data.knee : named;
}

/** The selected trial stands in the address: a link to it, and what a reload begins with. */
function addressed() {
  if (store.selected !== null) history.replaceState(null, "", "#" + key(store.selected));
}

function theme() {
  const button = $("theme");
  button.addEventListener("click", () => {
    const dark = getComputedStyle(document.documentElement).getPropertyValue("--is-dark").trim() === "1";
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    listeners.theme.forEach((listener) => listener());
  });
}

summary();
theme();
frontPlot();
mapPlot();
effectPlots();
importanceBars();
if (!["map", "importance"].some($)) $("matters").remove();
apartPlots();
parallelPlot();
rungPlot();
lossPlot();
historyPlot();
if (!["rungs", "losses", "history"].some($)) $("way").remove();
trialTable();
glossary();
besideView();
on("selected", detail);
if (data.live) follow();
select(atFirst());
on("selected", addressed);
document.documentElement.dataset.ready = "true";
