// Data, state and small tools. Text from the data reaches the page through text nodes and setAttribute only.

const data = JSON.parse(document.getElementById("data").textContent);
const total = data.trials.number.length;
const STATES = ["complete", "pruned", "failed", "running"];
const STATE_WORDS = { complete: "complete", pruned: "stopped early", failed: "failed", running: "running" };
const NOTHING = "\u2013";

const $ = (id) => document.getElementById(id);
const key = (i) => "t" + String(data.trials.number[i]).padStart(4, "0");
const state = (i) => STATES[data.trials.state[i]];
const onFront = new Set(data.front);

/** An HTML element; strings among the children become text nodes. */
function html(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// ---- state: what is selected, hovered and kept by filters; every view listens

const store = { selected: null, hovered: null, kept: new Uint8Array(total).fill(1), numKept: total };
const listeners = { selected: [], hovered: [], kept: [] };
const filters = new Map(); // name of a view -> function of a trial's index

function on(what, listener) {
  listeners[what].push(listener);
}

function select(i) {
  store.selected = i;
  listeners.selected.forEach((listener) => listener());
}

function hover(i) {
  if (store.hovered === i) return;
  store.hovered = i;
  listeners.hovered.forEach((listener) => listener());
}

let pending = false;
function setFilter(name, keeps) {
  if (keeps) filters.set(name, keeps);
  else filters.delete(name);
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => {
    pending = false;
    const rules = [...filters.values()];
    store.numKept = 0;
    for (let i = 0; i < total; i++) {
      store.kept[i] = rules.every((rule) => rule(i)) ? 1 : 0;
      store.numKept += store.kept[i];
    }
    listeners.kept.forEach((listener) => listener());
  });
}

// ---- quantities: anything that can be an axis, a column or a colour

const objectiveDirection = Object.fromEntries(data.objectives.map((o) => [o.name, o.direction]));
const quantities = new Map();
for (const [name, values] of Object.entries(data.trials.metrics)) {
  quantities.set(name, {
    name, kind: "metric", label: title(name), direction: data.directions[name] || null, get: (i) => values[i],
    low: (i) => data.trials.low[name]?.[i] ?? null, high: (i) => data.trials.high[name]?.[i] ?? null,
    log: /(params|bytes|flops)$/.test(name), levels: null,
  });
}
for (const setting of data.settings) {
  const values = data.trials.settings[setting.path];
  quantities.set(setting.path, {
    name: setting.path, kind: "setting", label: title(setting.path), direction: null, get: (i) => values[i],
    low: () => null, high: () => null, log: setting.log, levels: setting.levels,
  });
}

/** `distil.alpha` -> `alpha`, `assertion_accuracy` -> `assertion accuracy`. */
function title(name) {
  return name.slice(name.lastIndexOf(".") + 1).replaceAll("_", " ");
}

/** A metric of a trial's student on the test suite, which nothing was chosen by: `[value, low, high]`, or null. */
function onTest(i, name) {
  const found = data.test[i] ? data.test[i].metrics[name] : null;
  return found && isNumber(found[0]) ? found : null;
}

/** The same in words, with its interval. */
function testWords(i, name) {
  const found = onTest(i, name);
  if (!found) return NOTHING;
  const [value, low, high] = found;
  return isNumber(low) ? `${show(value, name)} [${bare(low)}${NOTHING}${bare(high)}]` : show(value, name);
}

/** By how much an objective was better where the student was chosen. */
function optimism(i, name) {
  const gap = data.test[i] ? data.test[i].optimism[name] : null;
  return isNumber(gap) ? (gap < 0 ? "\u2212" : "+") + Math.abs(gap).toFixed(3) : NOTHING;
}

/** What a metric is, for those whose name does not say it. */
function definition(name) {
  return data.definitions[name] || data.definitions[name.replace(/^clean_/, "")] || null;
}

/** The label of an axis with the way that is better. */
function axisTitle(quantity, vertical) {
  if (!quantity.direction) return quantity.label;
  if (quantity.direction === "max") return quantity.label + (vertical ? "  (better \u2191)" : "  (better \u2192)");
  return quantity.label + (vertical ? "  (better \u2193)" : "  (\u2190 better)");
}

/** A number or category as a reader wants it. */
function show(value, name = "") {
  if (value === null || value === undefined || value === "") return NOTHING;
  if (typeof value === "object") return JSON.stringify(value);
  if (typeof value !== "number") return String(value);
  if (/(params|bytes|flops)$/.test(name) && Math.abs(value) >= 1000) return short(value);
  if (Number.isInteger(value)) return Math.abs(value) >= 10000 ? value.toLocaleString("en") : String(value);
  const size = Math.abs(value);
  if (size < 0.0001) return value.toExponential(1);
  return size < 0.1 && !data.directions[name] ? String(+value.toPrecision(3)) : value.toFixed(size < 1 ? 3 : size < 100 ? 2 : 1);
}

function short(value) {
  for (const [unit, size] of [["B", 1e9], ["M", 1e6], ["K", 1e3]]) {
    if (Math.abs(value) >= size) return +(value / size).toPrecision(3) + " " + unit;
  }
  return String(+value.toPrecision(3));
}

/** `0.163 [.130-.202]` with an en dash. */
function withInterval(quantity, i) {
  const low = quantity.low(i);
  const text = show(quantity.get(i), quantity.name);
  return low === null ? text : `${text} [${bare(low)}${NOTHING}${bare(quantity.high(i))}]`;
}

function bare(value) {
  const text = show(value, data.objectives[0].name);
  return text.startsWith("0.") ? text.slice(1) : text;
}

function seconds(value) {
  if (value < 120) return `${+value.toPrecision(3)} s`;
  if (value < 7200) return `${+(value / 60).toPrecision(3)} min`;
  return `${+(value / 3600).toPrecision(3)} h`;
}

// ---- scales

/** A function from values to pixels with `ticks` and `invert`; categories stand at even distances. */
function scale(domain, range, log = false) {
  const forward = log ? Math.log : (x) => x;
  const back = log ? Math.exp : (x) => x;
  const [d0, d1] = domain.map(forward);
  const slope = (range[1] - range[0]) / (d1 - d0 || 1);
  const map = (x) => range[0] + (forward(x) - d0) * slope;
  map.invert = (pixel) => back(d0 + (pixel - range[0]) / slope);
  map.domain = domain;
  map.ticks = (wanted) => (log ? logTicks(domain, wanted) : linearTicks(domain, wanted));
  return map;
}

function linearTicks([low, high], wanted = 6) {
  const raw = (high - low) / wanted || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((m) => m * power >= raw * 0.999) * power;
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) ticks.push(+(k * step).toPrecision(12));
  return ticks;
}

function logTicks([low, high], wanted = 6) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const m of [1, 2, 5]) {
      const tick = +(m * 10 ** power).toPrecision(12);
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
    }
  }
  return ticks.length < 3 ? linearTicks([low, high], wanted).filter((tick) => tick > 0) : ticks;
}

/** Lowest and highest of the finite values, widened by `pad` of the range. */
function extent(values, pad = 0.06, log = false) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (typeof value !== "number" || !Number.isFinite(value) || (log && value <= 0)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return log ? [1, 10] : [0, 1];
  if (log) {
    const room = (high / low) ** pad;
    return low === high ? [low / 2, high * 2] : [low / room, high * room];
  }
  const room = low === high ? Math.abs(low) * 0.1 || 0.5 : (high - low) * pad;
  return [low - room, high + room];
}

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
