// The report's data, as harness/report/html.cpp wrote it, and how its figures are shown. Times are in microseconds.
const DATA = JSON.parse(document.getElementById("data").textContent);
const HEADER = DATA.header;
const VERDICTS = ["wrong", "failed", "untrusted", "right", "unsupported", "unavailable"];
const SIGNS = {right: "✓", wrong: "✗", failed: "!", untrusted: "?", unsupported: "–", unavailable: "–"};
const DTYPE_MARKS = {fp32: "circle", fp16: "triangle", bf16: "rectRot"};

const text = (number) => (number === undefined ? "" : DATA.strings[number]);

// "MobileNetV1 dw3/s1" comes from MobileNetV1, as does every label with that first word; a first word that only one label has
// says nothing, so that label stands for itself.
const firstWord = (label) => label.trim().split(/\s+/)[0];
const NETWORKS = new Map();
for (const label of new Set(DATA.cases.map((c) => text(c.label)))) {
  NETWORKS.set(firstWord(label), (NETWORKS.get(firstWord(label)) || 0) + 1);
}
const networkOf = (label) => (NETWORKS.get(firstWord(label)) > 1 ? firstWord(label) : label);

const CASES = DATA.cases.map((c, index) => {
  const label = text(c.label);
  const time = c.time;
  return {
    ...c,
    index,
    op: text(c.op),
    problem: text(c.problem),
    label,
    params: text(c.params),
    network: networkOf(label),
    device: text(c.device),
    reason: text(c.reason),
    plan: text(c.plan),
    printed: text(c.printed),
    steps: c.steps.map((step) => step.map(text)),
    group: `${text(c.problem)} ${c.dtype} ${c.layout}`,
    intensity: c.bytes > 0 ? c.flops / c.bytes : null,
    median: time ? time.median : null,
    spread: time ? (50 * (time.high - time.low)) / time.median : null,
    gbs: time ? c.bytes / time.median / 1e3 : null,
    tflops: time ? c.flops / time.median / 1e6 : null,
    floorTime: c.floor ? Math.max(c.floor.byte, c.floor.flop) : null,
    floorShare: time && time.floor ? time.floor / time.median : null,
    // Over each baseline, the strongest first; the charts and the table's column show the strongest.
    comparisons: (c.speedups || []).map(([over, ...ratio]) => ({over, ratio})),
    speedup: c.speedups ? c.speedups[0].slice(1) : null,
    over: c.speedups ? c.speedups[0][0] : null,
    ratio: c.speedups ? c.speedups[0][1] : null,
    search: `${c.id} ${label} ${c.verdict} ${text(c.reason)} ${text(c.plan)}`.toLowerCase(),
  };
});

const distinct = (values) => [...new Set(values)].filter((value) => value !== "");
const KERNELS = distinct(CASES.filter((c) => !c.baseline).map((c) => c.variant));
const BASELINES = distinct(CASES.filter((c) => c.baseline).map((c) => c.variant)).filter((v) => !KERNELS.includes(v));

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
// --v0 and on, as many as report.css has.
let kernelColours = 0;
while (colour(`--v${kernelColours}`)) ++kernelColours;

function colourName(variant) {
  const kernel = KERNELS.indexOf(variant);
  return kernel >= 0 ? `--v${kernel % kernelColours}` : `--b${Math.max(0, BASELINES.indexOf(variant)) % 3}`;
}
const variantColour = (variant) => colour(colourName(variant));
const verdictColour = (verdict) => ({right: "--right", wrong: "--wrong", failed: "--failed", untrusted: "--failed"})[verdict] || "--other";

// Four significant digits, thousands apart by thin spaces.
function figure(value, digits = 4) {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  if (value === 0) return "0";
  const size = Math.floor(Math.log10(Math.abs(value))) + 1;
  if (size > 9 || size < -3) return value.toExponential(digits - 1);
  return value.toLocaleString("en-US", {
    minimumFractionDigits: Number.isInteger(value) ? 0 : Math.max(0, digits - size),
    maximumFractionDigits: Math.max(0, digits - size),
  }).replaceAll(",", "\u2009");
}
const fixed = (value, digits) => (value === null ? "" : value.toFixed(digits));
const times = (value) => `${value >= 9.95 ? value.toFixed(1) : value.toFixed(2)}×`;
const comparisonText = ({over, ratio}) =>
  `${times(ratio[0])} over ${CASES[over].variant} (${times(ratio[1])} to ${times(ratio[2])})`;
const percent = (share) => `${share < 0.0995 ? (100 * share).toFixed(1) : Math.round(100 * share)} %`;
const plural = (count, one, many) => `${figure(count, 9)} ${count === 1 ? one : many}`;

// el("p", {class: "x", onclick: f}, "text", child, ...): text always goes in as text.
function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "vars") for (const [key, v] of Object.entries(value)) element.style.setProperty(key, v);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

const badge = (verdict) =>
  el("span", {class: "badge", "data-sign": SIGNS[verdict], vars: {"--c": `var(${verdictColour(verdict)})`}}, verdict);

const swatch = (c) =>
  el("span", {class: c.baseline ? "swatch hollow" : "swatch", vars: {"--c": `var(${colourName(c.variant)})`}});

// A command with a button that copies it.
function copyable(command) {
  const code = el("code", {}, command);
  const button = el("button", {type: "button"}, "Copy");
  button.addEventListener("click", async (event) => {
    event.stopPropagation();
    try {
      await navigator.clipboard.writeText(command);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);  // the clipboard may be closed to files
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  return el("div", {class: "copy"}, code, button);
}
