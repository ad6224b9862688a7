// The table of all cases: sorted by any column, rows added as they are scrolled to, details under a row that is opened.
const ROWS_AT_ONCE = 400;

const orderOf = (list) => (value) => (list.indexOf(value) < 0 ? list.length : list.indexOf(value));
const verdictOrder = orderOf(VERDICTS);

function speedupCell(c) {
  if (c.baseline) return el("small", {}, "baseline");
  if (!c.speedup) return "";
  const [value, low] = c.speedup;
  return el("span", {title: c.comparisons.map(comparisonText).join("; ")},
            el("span", {class: low > 1 ? "faster" : ""}, times(value)));
}

function shareCell(c) {
  if (c.floorShare === null) return "";
  return el("span", {class: "share"}, el("i", {vars: {width: `${Math.min(100, 100 * c.floorShare).toFixed(1)}%`}}),
            el("b", {}, percent(c.floorShare)));
}

function nameCell(c) {
  return [el("button", {type: "button", "aria-expanded": "false", title: c.id}, el("code", {}, c.problem)),
          c.label ? el("small", {title: c.label}, c.label) : ""];
}

function medianCell(c) {
  if (!c.time) return "";
  return c.warning ? el("span", {class: "doubt", title: c.warning}, `${figure(c.median)} (!)`) : figure(c.median);
}

// key, title, unit, value to sort by, cell, left-aligned text?, only with (true) or without (false) times
const COLUMNS = [
  ["problem", "Problem", "", (c) => c.problem, nameCell, true],
  ["dtype", "Dtype", "", (c) => c.dtype, (c) => c.dtype, true],
  ["layout", "Layout", "", (c) => c.layout, (c) => c.layout, true],
  ["variant", "Variant", "", (c) => c.variant, (c) => [swatch(c), c.variant], true],
  ["verdict", "Verdict", "", (c) => verdictOrder(c.verdict), (c) => badge(c.verdict), true],
  ["median", "Median", "µs", (c) => c.median, medianCell, false, true],
  ["spread", "Interval", "± %", (c) => c.spread, (c) => fixed(c.spread, 1), false, true],
  ["ratio", "Speed-up", "×", (c) => c.ratio, speedupCell, false, true],
  ["gbs", "Achieved", "GB/s", (c) => c.gbs, (c) => figure(c.gbs), false, true],
  ["tflops", "Achieved", "TFLOP/s", (c) => c.tflops, (c) => figure(c.tflops), false, true],
  ["floor", "Floor", "µs", (c) => (c.time ? c.floorTime : null), (c) => (c.time ? figure(c.floorTime) : ""), false, true],
  ["share", "Of floor", "%", (c) => c.floorShare, shareCell, false, true],
  ["error", "Error", "of bound", (c) => (c.steps.length ? c.error : null),
   (c) => (c.steps.length ? figure(c.error, 2) : ""), false],
  ["work", "Work", "MFLOP", (c) => c.flops, (c) => figure(c.flops / 1e6), false, false],
  ["bytes", "Compulsory", "MB", (c) => c.bytes, (c) => figure(c.bytes / 1e6), false, false],
  ["seconds", "Judging took", "ms", (c) => (c.steps.length ? c.seconds : null),
   (c) => (c.steps.length ? figure(1e3 * c.seconds, 3) : ""), false, false],
].filter((column) => column[6] === undefined || column[6] === HEADER.timed);

const table = {rows: new Map(), shown: [], next: 0, open: null, chart: null, observer: null};

function sorted(selected) {
  const descending = state.sort.startsWith("-");
  const column = COLUMNS.find(([key]) => key === state.sort.replace("-", ""));
  // By default what is wrong comes first, then the order of the sweep.
  if (!column) return [...selected].sort((a, b) => Number(Boolean(b.fails)) - Number(Boolean(a.fails)) || a.index - b.index);
  const value = column[3];
  const known = selected.filter((c) => value(c) !== null);
  const sign = descending ? -1 : 1;
  known.sort((a, b) => {
    const [p, q] = [value(a), value(b)];
    const difference = typeof p === "string" && typeof q === "string"
      ? p.localeCompare(q, "en", {numeric: true}) : Number(p) - Number(q);
    return sign * difference || a.index - b.index;
  });
  return [...known, ...selected.filter((c) => value(c) === null)];
}

function buildTableHead() {
  const head = el("tr");
  for (const [key, title, unit, , , isText] of COLUMNS) {
    const sort = () => {
      const first = isText || ["median", "spread", "floor"].includes(key) ? key : `-${key}`;
      const second = first === key ? `-${key}` : key;
      select({sort: state.sort === first ? second : state.sort === second ? "" : first}, ["table"]);
    };
    head.append(el("th", {scope: "col", "data-key": key, class: `${isText ? "t" : ""} ${key === "problem" ? "name" : ""}`.trim()},
                   el("button", {type: "button", onclick: sort}, title), el("small", {}, unit)));
  }
  document.querySelector("#case-table thead").replaceChildren(head);
}

function rowOf(c) {
  if (table.rows.has(c.index)) return table.rows.get(c.index);
  const row = el("tr", {class: c.fails ? "row fails" : "row", "data-case": c.index});
  for (const [key, , , , cell, isText] of COLUMNS) {
    const content = cell(c);
    row.append(el("td", {class: `${isText ? "t" : ""} ${key === "problem" ? "name" : ""}`.trim()},
                  ...(Array.isArray(content) ? content : [content])));
  }
  table.rows.set(c.index, row);
  return row;
}

function addRows(count) {
  const body = document.querySelector("#case-table tbody");
  const some = table.shown.slice(table.next, table.next + count);
  body.append(...some.map(rowOf));
  table.next += some.length;
  document.documentElement.dataset.rowsDrawn = String(table.next);
}

function drawTable(selected) {
  closeCase();
  table.shown = sorted(selected);
  table.next = 0;
  document.querySelector("#case-table tbody").replaceChildren();
  addRows(ROWS_AT_ONCE);
  document.getElementById("row-count").textContent =
    table.shown.length === CASES.length ? plural(CASES.length, "case", "cases")
                                        : `${figure(table.shown.length, 9)} of ${plural(CASES.length, "case", "cases")}`;
  for (const cell of document.querySelectorAll("#case-table thead th")) {
    const active = state.sort.replace("-", "") === cell.dataset.key;
    if (active) cell.setAttribute("aria-sort", state.sort.startsWith("-") ? "descending" : "ascending");
    else cell.removeAttribute("aria-sort");
  }
  const data = document.documentElement.dataset;
  data.rows = String(table.shown.length);
  data.firstCase = table.shown.length ? table.shown[0].id : "";
  data.lastCase = table.shown.length ? table.shown[table.shown.length - 1].id : "";
}

function buildTable() {
  buildTableHead();
  const box = document.getElementById("table-box");
  box.addEventListener("scroll", () => {
    if (box.scrollTop + box.clientHeight * 3 > box.scrollHeight) addRows(ROWS_AT_ONCE);
  }, {passive: true});
  document.querySelector("#case-table tbody").addEventListener("click", (event) => {
    const row = event.target.closest("tr.row");
    if (!row || !getSelection().isCollapsed) return;
    const c = CASES[Number(row.dataset.case)];
    if (table.open === c) closeCase();
    else showDetails(c);
  });
}

function closeCase() {
  if (!table.open) return;
  if (table.chart) table.chart.destroy();
  document.querySelector("#case-table tr.detail")?.remove();
  rowOf(table.open).querySelector("td.name button").setAttribute("aria-expanded", "false");
  Object.assign(table, {open: null, chart: null});
}

const definitions = (pairs) =>
  el("dl", {class: "values"}, ...pairs.filter(([, value]) => value !== "" && value !== undefined && value !== null)
    .map(([name, value, wide]) => el("div", {class: wide ? "wide" : undefined}, el("dt", {}, name), el("dd", {}, value))));

function failureValues(failure) {
  if (!failure.at) return el("p", {}, failure.detail);
  const share = failure.total > 0 ? ` (${figure((100 * failure.count) / failure.total, 2)} %)` : "";
  return definitions([
    ["first wrong element", failure.at, true], ["expected", failure.expected], ["got", failure.got],
    ["allowed to differ by", failure.bound], ["wrong elements", `${figure(failure.count, 15)} of ${figure(failure.total, 15)}${share}`, true],
    ["seed", failure.seed]]);
}

function timeValues(c) {
  const {time, floor} = c;
  const clocks = time.clocks === "agrees" ? " (agrees)" : "";
  return definitions([
    ["median", `${figure(time.median)} µs`],
    [`${figure(100 * time.confidence)} % interval`, `${figure(time.low)} to ${figure(time.high)} µs`],
    ["samples", `${time.samples}, ended by ${time.stop || "?"}`],
    ["dropped as throttled", String(time.dropped)],
    ["second clock", time.wall ? `${figure(time.wall)} µs${clocks}` : ""],
    ["SM clock", time.mhz ? `${figure(time.mhz)} MHz` : ""],
    ["byte floor", floor ? `${figure(floor.byte)} µs` : ""],
    ["FLOP floor", floor ? `${figure(floor.flop)} µs (${text(floor.unit)})` : ""],
    ["speed-up", c.comparisons.map(comparisonText).join("; "), true]]);
}

function detailsOf(c) {
  const left = el("div", {},
    el("p", {}, el("code", {}, c.id)),
    c.params ? el("p", {class: "count"}, c.params) : "",
    c.reason ? el("p", {}, badge(c.verdict), " ", c.reason) : "",
    c.warning ? el("p", {class: "doubt"}, `Doubtful time: ${c.warning}.`) : "",
    c.failure ? failureValues(c.failure) : "",
    c.steps.length ? el("h4", {}, "Judging") : "",
    el("ul", {}, ...c.steps.map(([step, outcome, detail]) =>
      el("li", {}, outcome === "passed" ? "✓ " : outcome === "failed" ? "✗ " : "– ", el("b", {}, step), ` ${outcome}`, detail ? `: ${detail}` : ""))),
    c.plan ? el("h4", {}, "Plan") : "", c.plan ? el("p", {}, c.plan) : "",
    c.printed ? el("h4", {}, "Printed, at most its end") : "", c.printed ? el("pre", {class: "printed"}, c.printed) : "",
    c.reproduce ? el("h4", {}, "Run this case alone") : "", c.reproduce ? copyable(c.reproduce) : "");
  const right = el("div", {});
  if (c.time) right.append(el("h4", {}, "Time"), timeValues(c), el("div", {class: "sample-chart"}, el("canvas", {role: "img", "aria-label": "Quantiles of the samples"})));
  return el("div", {class: "detail-grid"}, left, right);
}

function showDetails(c) {
  closeCase();
  const row = rowOf(c);
  row.querySelector("td.name button").setAttribute("aria-expanded", "true");
  const details = detailsOf(c);
  row.after(el("tr", {class: "detail"}, el("td", {colspan: COLUMNS.length}, details)));
  table.open = c;
  const canvas = details.querySelector("canvas");
  if (canvas) table.chart = drawSamples(canvas, c);
  state.case = c.id;
  writeHash();
  document.documentElement.dataset.openCase = c.id;
}

// Shows a case's details wherever it stands, dropping filters that hide it.
function openCase(c) {
  if (!matches(c)) select({q: "", network: "", dtype: "", layout: "", variant: "", verdict: ""});
  const place = table.shown.indexOf(c);
  while (table.next <= place) addRows(ROWS_AT_ONCE);
  showDetails(c);
  rowOf(c).scrollIntoView({block: "center"});
}
