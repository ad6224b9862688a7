// Puts the page together: head, notes, wrong cases, means, then everything that follows the selection.
const CARDS_AT_ONCE = 8;
const REASONS_SHOWN = 5;
// What of the environment stands in the page's head; the rest is in its own table.
const HEAD_FACTS = /^(GPU|driver|CUDA|Pack cudnn|CPU)\b/i;
const NAMED_BY_VALUE = /^(GPU|CPU|Pack cudnn)$/i;

function buildHead() {
  document.getElementById("title").textContent = `${HEADER.name} on ${HEADER.device}`;
  const environment = new Map(HEADER.environment);
  const known = [...environment].filter(([key, value]) => HEAD_FACTS.test(key) && !value.startsWith("unavailable") && !HEADER.device.includes(value));
  const facts = [HEADER.started.replace("T", " ").replace("Z", " UTC"),
                 ...known.map(([key, value]) => (NAMED_BY_VALUE.test(key) ? value : `${key} ${value}`))];
  document.getElementById("facts").append(...facts.filter(Boolean).map((fact) => el("span", {}, fact)));
  const tiles = VERDICTS.filter((verdict) => DATA.totals[verdict] > 0 || ["right", "wrong", "failed"].includes(verdict));
  document.getElementById("verdicts").append(...tiles.map((verdict) => {
    const count = DATA.totals[verdict];
    const button = el("button", {type: "button", class: count ? "" : "none", vars: {"--c": `var(${count ? verdictColour(verdict) : "--line"})`},
                                 onclick: () => { select({verdict}); document.getElementById("cases").scrollIntoView(); }},
                      el("b", {}, figure(count, 9)), el("span", {}, verdict));
    return el("li", {}, button);
  }));
}

function buildNotes() {
  const notes = document.getElementById("notes");
  const add = (kind, ...words) => notes.append(el("p", {class: `note ${kind}`}, ...words));
  if (HEADER.missing > 0) {
    add("bad", `The sweep did not end: ${plural(HEADER.missing, "case", "cases")} of ${HEADER.planned} planned did not run.`);
  }
  for (const notice of HEADER.notices) add("warn", notice);
  if (HEADER.torn) add("warn", "The journal's last line was cut short, so its case is left out.");
  if (DATA.failures.length === 0 && DATA.totals.right > 0) {
    add("good", `No case is wrong: ${plural(DATA.totals.right, "case was", "cases were")} judged right.`);
  }
  if (!HEADER.timed) {
    add("", `No times in this report: ${(HEADER.untimed_reason || "the sweep did not measure").replace(/\.$/, "")}. The verdicts hold.`);
  }
  notesOnCasesNotRun(add);
  const doubtful = CASES.filter((c) => c.warning).length;
  if (doubtful > 0) {
    add("warn", `${plural(doubtful, "time is", "times are")} doubtful, marked (!) in the table. `,
        el("button", {type: "button", class: "button", onclick: () => { select({verdict: "doubtful"}); document.getElementById("cases").scrollIntoView(); }}, "Show"));
  }
}

// One line for each reason why cases were not run.
function notesOnCasesNotRun(add) {
  const reasons = new Map();
  for (const c of CASES.filter((each) => !each.fails && ["unsupported", "unavailable"].includes(each.verdict))) {
    const key = JSON.stringify([c.verdict, c.variant, c.reason]);
    reasons.set(key, (reasons.get(key) || 0) + 1);
  }
  const frequent = [...reasons].sort((a, b) => b[1] - a[1]);
  for (const [key, count] of frequent.slice(0, REASONS_SHOWN)) {
    const [verdict, variant, reason] = JSON.parse(key);
    add("", el("b", {}, `${variant}: ${plural(count, "case", "cases")} ${verdict}. `), reason);
  }
  if (frequent.length > REASONS_SHOWN) add("", `Cases were not run for ${frequent.length - REASONS_SHOWN} other reasons; the table has them.`);
}

function failureCard(c) {
  return el("article", {class: "card", "data-case": c.index, vars: {"--c": `var(${verdictColour(c.verdict)})`}},
            el("div", {class: "top"}, badge(c.verdict), c.failure ? el("span", {class: "label"}, `step: ${c.failure.step}`) : "",
               c.label ? el("span", {class: "label"}, c.label) : ""),
            el("h3", {}, c.id), el("p", {}, c.reason), c.failure ? failureValues(c.failure) : "",
            c.reproduce ? copyable(c.reproduce) : "");
}

function buildFailures() {
  const failures = DATA.failures.map((index) => CASES[index]);
  document.documentElement.dataset.failures = String(failures.length);
  if (failures.length === 0) return;
  document.getElementById("failures").hidden = false;
  const cards = document.getElementById("failure-cards");
  const more = document.getElementById("more-failures");
  const add = (count) => {
    cards.append(...failures.slice(cards.childElementCount, cards.childElementCount + count).map(failureCard));
    more.hidden = cards.childElementCount >= failures.length;
    more.textContent = `Show the other ${failures.length - cards.childElementCount}`;
  };
  more.addEventListener("click", () => add(failures.length));
  add(CARDS_AT_ONCE);
}

function meanCell(group) {
  if (!group) return el("td");
  const left = group.without_baseline + group.not_right + group.not_run;
  const why = [[group.not_right, "wrong, failed or untrusted"], [group.not_run, "unsupported or unavailable"], [group.without_baseline, "without a right baseline"]]
    .filter(([count]) => count > 0).map(([count, reason]) => `${count} ${reason}`).join(", ");
  if (group.compared === 0) return el("td", {}, "–", el("small", {}, why || "nothing to compare"));
  return el("td", {}, el("b", {}, times(group.mean)),
            el("small", {}, `${times(group.smallest)} to ${times(group.largest)}`),
            el("small", {}, plural(group.compared, "case", "cases")), left ? el("small", {}, `left out: ${why}`) : "");
}

function buildMeans() {
  if (!HEADER.timed || !DATA.means.some((group) => group.compared > 0)) return;
  document.getElementById("means").hidden = false;
  document.getElementById("means-lead").textContent =
    "Geometric mean and range over the problems, against right baselines of the same problem, dtype and layout. " +
    "Only cases judged right count; means over different cases do not compare.";
  const columns = distinct(DATA.means.map((group) => `${group.dtype} ${group.layout}`));
  const rows = distinct(DATA.means.map((group) => `${group.op}\n${group.variant}\n${group.baseline}`));
  const ops = distinct(DATA.means.map((group) => group.op));
  const head = el("thead", {}, el("tr", {}, el("th", {scope: "col"}, "variant"), el("th", {scope: "col"}, "over"), ...columns.map((name) => el("th", {scope: "col"}, name))));
  const body = el("tbody", {}, ...rows.map((key) => {
    const [op, variant, baseline] = key.split("\n");
    const find = (name) => DATA.means.find((g) => g.op === op && g.variant === variant && g.baseline === baseline && `${g.dtype} ${g.layout}` === name);
    return el("tr", {}, el("th", {scope: "row"}, swatch({variant}), ops.length > 1 ? `${op} ${variant}` : variant),
              el("td", {}, baseline || "the strongest"), ...columns.map((name) => meanCell(find(name))));
  }));
  document.getElementById("means-table").append(el("table", {class: "means"}, head, body));
}

function fillFacts(id, pairs) {
  document.querySelector(`#${id} tbody`).append(
    ...pairs.map(([name, value]) => el("tr", {}, el("th", {scope: "row", title: name}, name), el("td", {}, value))));
}

function buildAbout() {
  const names = new Set(HEADER.environment.map(([name]) => name.toLowerCase()));
  const own = [["Assay", HEADER.version], ["Device", HEADER.device]].filter(([name]) => !names.has(name.toLowerCase()));
  fillFacts("environment", [...own, ...HEADER.environment]);
  fillFacts("method", HEADER.method.length ? HEADER.method : [["", "Nothing was measured."]]);
  if (HEADER.ceilings) {
    const {copy, ffma, fp16, bf16, tf32} = HEADER.ceilings;
    document.getElementById("ceilings").hidden = false;
    fillFacts("ceilings", [["copy bandwidth", `${figure(copy / 1e12)} TB/s, read plus written`], ["FFMA", `${figure(ffma / 1e12)} TFLOP/s`],
                           ["tensor fp16", `${figure(fp16 / 1e12)} TFLOP/s`], ["tensor bf16", `${figure(bf16 / 1e12)} TFLOP/s`],
                           ["tensor TF32", `${figure(tf32 / 1e12)} TFLOP/s`]]);
  }
  document.getElementById("command").append(copyable(HEADER.command));
  const config = document.getElementById("config");
  config.querySelector("summary").textContent = `The config as it was read: ${HEADER.config_path}`;
  config.querySelector("pre").textContent = HEADER.config_text;
  document.getElementById("foot").textContent =
    `Made by Assay ${HEADER.version} from results.jsonl; the same figures are in results.csv.`;
}

function draw(parts) {
  const selected = selectedCases();
  if (HEADER.timed) {
    if (parts.includes("charts") || parts.includes("speedups")) drawSpeedups(selected);
    if (parts.includes("charts")) drawRoofline(selected);
  }
  if (parts.includes("table")) drawTable(selected);
}

function followPrinting() {
  const redraw = () => { if (HEADER.timed) draw(["charts"]); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("beforeprint", () => {
    document.documentElement.dataset.print = "";
    addRows(table.shown.length);
    document.getElementById("more-failures").click();
    redraw();
  });
  addEventListener("afterprint", () => {
    delete document.documentElement.dataset.print;
    redraw();
  });
}

readHash();
buildHead();
buildNotes();
buildFailures();
buildMeans();
buildFilters();
buildTable();
buildAbout();
if (HEADER.timed) {
  for (const id of ["speedups", "roofline"]) document.getElementById(id).hidden = false;
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
}
document.documentElement.dataset.chartsDrawn = "0";
listeners.push(draw);
showFilters();
const wanted = CASES.find((c) => c.id === state.case);
draw(["charts", "table"]);
if (wanted) openCase(wanted);
followPrinting();
document.documentElement.dataset.cases = String(CASES.length);
document.documentElement.dataset.ready = "true";
