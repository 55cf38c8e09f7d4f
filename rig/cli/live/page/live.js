// The page of a running session: takes its events and shows them. All text is set as text.
"use strict";

const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const WIDE = 340, HIGH = 130, LEFT = 44, RIGHT = 8, TOP = 8, BOTTOM = 20;

function made(parent, name, attributes = {}, text = "") {
  const one = name.startsWith("svg:")
    ? document.createElementNS(SVG, name.slice(4)) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
  if (text) one.textContent = text;
  parent.append(one);
  return one;
}

function short(value) {
  if (value === undefined || value === null) return "–";
  if (value >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

function clock(seconds) {
  const s = Math.max(0, Math.round(seconds)), two = (n) => String(n).padStart(2, "0");
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} min`;
}

// a round number at or above another one
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value || 1));
  return power * [1, 2, 2.5, 5, 10].find((step) => step * power >= value);
}

// Lines over the seconds of a load. Series are named at once, or as they come.
class Chart {
  constructor(title, unit, names) {
    this.unit = unit;
    this.names = Object.entries(names);
    this.points = [];
    this.pointed = null;
    const box = made($("charts"), "div", { class: "chart" });
    made(box, "h3", {}, `${title}${unit && `, ${unit}`}`);
    this.legend = made(box, "div", { class: "legend" });
    this.svg = made(box, "svg:svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": title });
    this.svg.addEventListener("pointermove", (event) => this.point(event));
    this.svg.addEventListener("pointerleave", () => { this.pointed = null; redraw(this); });
  }

  add(at, values) {
    for (const key of Object.keys(values))
      if (!this.names.some(([known]) => known === key)) this.names.push([key, key]);
    this.points.push([at, values]);
    redraw(this);
  }

  clear() {
    this.points = [];
    this.pointed = null;
    redraw(this);
  }

  point(event) {
    const box = this.svg.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width * WIDE - LEFT) / (WIDE - LEFT - RIGHT) * this.length();
    this.pointed = this.points.reduce(
      (best, one) => (!best || Math.abs(one[0] - at) < Math.abs(best[0] - at) ? one : best), null);
    redraw(this);
  }

  length() {
    const last = this.points.length ? this.points[this.points.length - 1][0] : 0;
    return Math.max(load.duration_s, last, 1);
  }

  draw() {
    const length = this.length();
    let highest = 0;
    for (const [, values] of this.points)
      for (const [key] of this.names) highest = Math.max(highest, values[key] || 0);
    const most = roundUp(highest);
    const x = (at) => LEFT + Math.max(0, at) / length * (WIDE - LEFT - RIGHT);
    const y = (value) => HIGH - BOTTOM - value / most * (HIGH - TOP - BOTTOM);
    this.svg.replaceChildren();
    for (const part of [0, 0.5, 1]) {
      const height = y(part * most);
      made(this.svg, "svg:line", { x1: LEFT, x2: WIDE - RIGHT, y1: height, y2: height });
      made(this.svg, "svg:text", { x: LEFT - 5, y: height + 4, "text-anchor": "end" }, short(part * most));
    }
    made(this.svg, "svg:text", { x: LEFT, y: HIGH - 5 }, "0");
    made(this.svg, "svg:text", { x: WIDE - RIGHT, y: HIGH - 5, "text-anchor": "end" }, `${short(length)} s`);
    if (load.ramp_s > 0 && load.ramp_s < length) this.mark(x(load.ramp_s), "steady");
    this.names.forEach(([key], index) => {
      const known = this.points.filter(([, values]) => values[key] !== undefined);
      const path = known.map(([at, values], i) => `${i ? "L" : "M"}${x(at).toFixed(1)} ${y(values[key]).toFixed(1)}`);
      made(this.svg, "svg:path", { d: path.join(""), class: `s${index % 6}` });
    });
    if (this.pointed) this.mark(x(this.pointed[0]), `${short(this.pointed[0])} s`);
    this.write();
  }

  mark(at, words) {
    made(this.svg, "svg:line", { x1: at, x2: at, y1: TOP, y2: HIGH - BOTTOM, class: "at" });
    const room = at < WIDE - 60;
    made(this.svg, "svg:text", { x: at + (room ? 4 : -4), y: HIGH - 5, "text-anchor": room ? "start" : "end" }, words);
  }

  // the values at the place that is pointed at, else the newest: each series has moments of its own
  write() {
    const until = this.pointed ? this.pointed[0] : Infinity, shown = {};
    for (const [at, values] of this.points) if (at <= until) Object.assign(shown, values);
    this.legend.replaceChildren();
    this.names.forEach(([key, name], index) =>
      made(this.legend, "span", { class: `s${index % 6}` }, `${name} ${short(shown[key])}`));
  }
}

const load = { ramp_s: 0, duration_s: 0 };
const charts = {
  rate: new Chart("Answers", "per s", { correct: "correct", failed: "failed" }),
  response: new Chart("Response times", "ms", { p50_ms: "p50", p95_ms: "p95", p99_ms: "p99" }),
  users: new Chart("Users", "", { users: "users" }),
  cpu: new Chart("CPUs in use, by role", "", {}),
  connections: new Chart("Connections", "", {}),
};

// a hundred events of a late tab are one drawing
const dirty = new Set();
function redraw(chart) {
  if (!dirty.size) requestAnimationFrame(() => { for (const one of dirty) one.draw(); dirty.clear(); });
  dirty.add(chart);
}

let endsAt = null, over = false, source = null;

function say(words, kind = "") {
  $("state").textContent = words;
  $("state").className = kind;
}

const take = {
  session({ unseen }) {
    $("unseen").textContent = unseen;
    for (const id of ["trials", "messages", "failures"]) $(id).replaceChildren();
    for (const id of ["now", "past"]) $(id).hidden = true;
    say("Running");
  },
  matrix({ done, total, ends_at_s }) {
    $("bar").max = Math.max(1, total);
    $("bar").value = done;
    $("done").textContent = `${done} of ${total} trials`;
    endsAt = ends_at_s;
    tick();
  },
  began({ trial, levels, ramp_s, duration_s }) {
    Object.assign(load, { ramp_s, duration_s });
    for (const chart of Object.values(charts)) {
      chart.clear();
      if (chart === charts.cpu || chart === charts.connections) chart.names = [];
    }
    $("now").hidden = false;
    $("trial").textContent = trial;
    $("phase").textContent = "";
    $("failures").textContent = "";
    $("levels").textContent = Object.entries(levels).map(([name, level]) => `${name} ${level}`).join(" · ");
  },
  phase({ phase }) { $("phase").textContent = phase; },
  second({ at_s, failures, ...values }) {
    charts.rate.add(at_s, { correct: values.correct, failed: values.failed });
    charts.users.add(at_s, { users: values.users });
    charts.response.add(at_s, { p50_ms: values.p50_ms, p95_ms: values.p95_ms, p99_ms: values.p99_ms });
    const named = Object.entries(failures).map(([name, count]) => `${name} ${count}`);
    $("failures").textContent = named.length ? `Failures so far: ${named.join(", ")}` : "";
  },
  cpu({ at_s, ...roles }) { charts.cpu.add(at_s, roles); },
  connections({ at_s, ...counts }) { charts.connections.add(at_s, counts); },
  ended({ trial, verdict, why, correct, failed, took_s }) {
    row(trial, verdict, short(correct), short(failed), `${short(took_s)} s`, why);
    $("now").hidden = true;
  },
  skipped({ trial, why }) { row(trial, "skipped", "–", "–", "–", why); },
  message({ text }) { made($("messages"), "p", { class: "quiet" }, text); },
  over({ text }) {
    over = true;
    source.close();
    $("now").hidden = true;
    $("left").textContent = "";
    say(text, "good");
    document.title = `ended: ${document.title}`;
  },
};

function row(trial, verdict, correct, failed, took, why) {
  $("past").hidden = false;
  const line = made($("trials"), "tr");
  made(line, "td", {}, trial);
  made(line, "td", { class: verdict === "valid" ? "good" : verdict === "skipped" ? "quiet" : "bad" }, verdict);
  for (const number of [correct, failed, took]) made(line, "td", { class: "number" }, number);
  made(line, "td", {}, why);
}

function tick() {
  if (!over && endsAt !== null) $("left").textContent = `about ${clock(endsAt - Date.now() / 1000)} left`;
}
setInterval(tick, 1000);

// A browser has six connections to one server: a tab that nobody sees gives its own up.
function follow() {
  if (over || document.hidden) {
    if (source) source.close();
    return;
  }
  source = new EventSource("/events");
  for (const [kind, show] of Object.entries(take))
    source.addEventListener(kind, (event) => show(JSON.parse(event.data)));
  source.onerror = () => { if (!over) say("No connection: the session is over, or its runner has gone.", "bad"); };
}
document.addEventListener("visibilitychange", follow);
follow();
