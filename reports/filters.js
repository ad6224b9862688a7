// What is selected: one state for the charts and the table, kept in the address so that a view can be passed on:
// #dtype=fp16&variant=tiled&sort=-ratio
const STATE_KEYS = ["q", "network", "dtype", "layout", "variant", "verdict", "sort", "order", "page", "case"];
const state = {};
const listeners = [];
let writtenHash = null;

function readHash() {
  const params = new URLSearchParams(location.hash.slice(1));
  for (const key of STATE_KEYS) state[key] = params.get(key) || "";
}

function writeHash() {
  const params = new URLSearchParams();
  for (const key of STATE_KEYS) if (state[key]) params.set(key, state[key]);
  writtenHash = params.toString() ? `#${params}` : "";
  try {
    history.replaceState(null, "", writtenHash || location.pathname + location.search);
  } catch {
    // Some browsers refuse this to files; the page works without it.
  }
}

// Changes the selection, then draws what depends on it. `parts` limits what is drawn anew.
function select(changes, parts = ["charts", "table"]) {
  Object.assign(state, changes);
  const filtering = Object.keys(changes).some((key) => !["sort", "order", "page", "case"].includes(key));
  if (filtering) state.page = "";
  writeHash();
  showFilters();
  for (const listener of listeners) listener(parts);
}

// Values of a select: what the cases have, in their order. The verdict "doubtful" stands for right cases with a warning.
const CHOICES = [
  ["network", "Label", distinct(CASES.map((c) => c.network))],
  ["dtype", "Dtype", distinct(CASES.map((c) => c.dtype))],
  ["layout", "Layout", distinct(CASES.map((c) => c.layout))],
  ["variant", "Variant", [...KERNELS, ...BASELINES]],
  ["verdict", "Verdict", [...VERDICTS.filter((v) => DATA.totals[v] > 0),
                          ...(CASES.some((c) => c.warning) ? ["doubtful"] : [])]],
];

function matches(c) {
  for (const [key] of CHOICES) {
    if (!state[key]) continue;
    if (key === "verdict" && state.verdict === "doubtful") {
      if (!c.warning) return false;
    } else if (c[key] !== state[key]) {
      return false;
    }
  }
  return state.q.toLowerCase().split(/\s+/).every((word) => c.search.includes(word));
}
const selectedCases = () => CASES.filter(matches);

function buildFilters() {
  const form = document.getElementById("filters");
  form.addEventListener("submit", (event) => event.preventDefault());
  const input = el("input", {type: "search", name: "q", placeholder: "words in the id, label, reason or plan", autocomplete: "off"});
  let pause = 0;
  input.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(() => select({q: input.value.trim()}), 150);
  });
  form.append(el("label", {class: "text"}, "Search", input));
  for (const [key, title, values] of CHOICES) {
    if (values.length < 2) continue;
    const box = el("select", {name: key, onchange: (event) => select({[key]: event.target.value})},
                   el("option", {value: ""}, "all"), ...values.map((value) => el("option", {value}, value)));
    form.append(el("label", {}, title, box));
  }
  form.append(el("button", {type: "button", class: "button", id: "clear",
                            onclick: () => select({q: "", network: "", dtype: "", layout: "", variant: "", verdict: ""})},
                 "Show all"));
}

// Puts the state into the boxes. A value that no case has, from a hand-made address, shows as an empty box.
function showFilters() {
  for (const box of document.querySelectorAll("#filters input, #filters select")) {
    if (document.activeElement !== box || box.tagName === "SELECT") box.value = state[box.name];
    box.classList.toggle("set", state[box.name] !== "");
  }
}

window.addEventListener("hashchange", () => {
  if (location.hash === writtenHash) return;
  readHash();
  showFilters();
  for (const listener of listeners) listener(["charts", "table"]);
});
