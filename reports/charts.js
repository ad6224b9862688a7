// The two charts: speed-ups by problem, and the roofline. Chart.js draws; small plugins add whiskers, labels and the line at 1.
const GROUPS_PER_PAGE = 16;
const charts = {};

const legendMark = (shape, hollow = false) => {
  const paths = {circle: "M6 1a5 5 0 1 0 .01 0z", triangle: "M6 1l5.4 10H.6z", rectRot: "M6 0l6 6-6 6-6-6z",
                 rect: "M0 1h12v10H0z"};
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("width", "12");
  svg.setAttribute("height", "12");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", paths[shape] || paths.circle);
  path.setAttribute("fill", hollow ? "none" : "currentColor");
  path.setAttribute("stroke", "currentColor");
  path.setAttribute("stroke-width", hollow ? "2" : "0");
  svg.append(path);
  return svg;
};

function legendItem(mark, name, colourOf) {
  const item = el("li", {}, mark, name);
  if (colourOf) mark.style.color = `var(${colourOf})`;
  return item;
}

function noteDrawing(key, marks) {
  charts[key].drawn = true;
  const root = document.documentElement;
  root.dataset[`${key}Marks`] = String(marks);
  root.dataset.chartsDrawn = String(Object.values(charts).filter((entry) => entry.drawn).length);
}

const axisColours = () => ({
  ticks: {color: colour("--soft")},
  grid: {color: colour("--line-soft"), borderColor: colour("--line")},
  title: {display: true, color: colour("--soft")},
});
const tooltipColours = () => ({
  backgroundColor: colour("--ink"), titleColor: colour("--card"), bodyColor: colour("--card"),
  displayColors: false, padding: 10,
});

// 1, 2 and 5 of each power of ten between two numbers.
function steps125(low, high) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); ++power) {
    for (const digit of [1, 2, 5]) ticks.push(digit * 10 ** power);
  }
  return ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
}

// The cases that have a speed-up, or should have one, gathered by problem, dtype and layout.
function speedupGroups(selected) {
  const groups = new Map();
  for (const c of selected) {
    if (c.baseline) continue;
    if (!groups.has(c.group)) groups.set(c.group, {key: c.group, first: c, cases: new Map(), best: 0});
    const group = groups.get(c.group);
    group.cases.set(c.variant, c);
    group.best = Math.max(group.best, c.ratio || 0);
  }
  const list = [...groups.values()].filter((group) => group.best > 0 || [...group.cases.values()].some((c) => c.fails));
  if (state.order === "fastest") list.sort((a, b) => b.best - a.best);
  if (state.order === "slowest") list.sort((a, b) => a.best - b.best);
  return list;
}

function groupLabel(group, several) {
  const c = group.first;
  const about = [several.dtype ? c.dtype : "", several.layout ? c.layout : ""].filter(Boolean).join(" ");
  const name = c.label.length > 34 ? `${c.label.slice(0, 33)}…` : c.label;
  return name ? [name, `${c.problem}${about ? `  ${about}` : ""}`] : [c.problem, about];
}

// Draws over the bars: the line at 1, whiskers, values, and a word where there is no bar but a verdict.
const speedupMarks = {
  id: "speedupMarks",
  afterDatasetsDraw(chart) {
    const {ctx, chartArea, scales: {x}} = chart;
    ctx.save();
    separateGroups(chart);
    ctx.strokeStyle = colour("--ink");
    ctx.lineWidth = 1.5;
    ctx.beginPath();
    ctx.moveTo(x.getPixelForValue(1), chartArea.top);
    ctx.lineTo(x.getPixelForValue(1), chartArea.bottom);
    ctx.stroke();
    ctx.font = "11.5px system-ui, sans-serif";
    ctx.textBaseline = "middle";
    let bars = 0;
    chart.data.datasets.forEach((dataset, d) => {
      chart.getDatasetMeta(d).data.forEach((bar, i) => {
        const c = dataset.cases[i];
        if (!c) return;
        if (c.speedup) ++bars;
        drawSpeedupMark(ctx, x, bar, c);
      });
    });
    ctx.restore();
    noteDrawing("speedup", bars);
  },
};

function separateGroups(chart) {
  const {ctx, chartArea, scales: {y}} = chart;
  const height = chartArea.height / chart.data.labels.length;
  ctx.strokeStyle = colour("--line");
  ctx.lineWidth = 1;
  ctx.beginPath();
  for (let i = 1; i < chart.data.labels.length; ++i) {
    const line = Math.round(chartArea.top + i * height) + 0.5;
    ctx.moveTo(y.left, line);
    ctx.lineTo(chartArea.right, line);
  }
  ctx.stroke();
}

function drawSpeedupMark(ctx, x, bar, c) {
  const y = bar.y;
  ctx.textAlign = "left";
  if (!c.speedup) {
    const word = c.verdict === "right" ? "no baseline" : c.verdict;
    ctx.fillStyle = colour(verdictColour(c.verdict === "right" ? "other" : c.verdict));
    ctx.fillText(word, x.getPixelForValue(1) + 6, y);
    return;
  }
  const [value, low, high] = c.speedup;
  const [from, to] = [x.getPixelForValue(low), x.getPixelForValue(high)];
  ctx.strokeStyle = colour("--ink");
  ctx.lineWidth = 1;
  ctx.beginPath();
  for (const end of [from, to]) {
    ctx.moveTo(end, y - 3);
    ctx.lineTo(end, y + 3);
  }
  ctx.moveTo(from, y);
  ctx.lineTo(to, y);
  ctx.stroke();
  ctx.fillStyle = colour("--ink");
  ctx.textAlign = value >= 1 ? "left" : "right";
  ctx.fillText(times(value), value >= 1 ? to + 5 : from - 5, y);
}

function speedupOptions(low, high) {
  const axis = axisColours();
  return {
    indexAxis: "y", animation: false, responsive: true, maintainAspectRatio: false, normalized: true,
    scales: {
      x: {...axis, type: "logarithmic", min: Math.min(0.8, low / 1.35), max: Math.max(1.25, high * 1.25),
          title: {...axis.title, text: "speed-up over the strongest baseline (×, log scale)"},
          afterBuildTicks: (scale) => { scale.ticks = steps125(scale.min, scale.max).map((value) => ({value})); },
          ticks: {...axis.ticks, callback: (value) => `${Number(value.toPrecision(3))}×`}},
      y: {...axis, title: {display: false}, grid: {display: false, borderColor: colour("--line")},
          ticks: {color: colour("--ink"), font: {size: 12}, autoSkip: false}},
    },
    onClick: (event, hits, chart) => {
      if (hits.length) openCase(chart.data.datasets[hits[0].datasetIndex].cases[hits[0].index]);
    },
    plugins: {
      legend: {display: false},
      tooltip: {...tooltipColours(), callbacks: {
        title: (items) => items[0].dataset.cases[items[0].dataIndex].id,
        label: (item) => speedupLines(item.dataset.cases[item.dataIndex]),
      }},
    },
  };
}

function speedupLines(c) {
  const over = CASES[c.over];
  return [...c.comparisons.map(comparisonText),
          `${figure(c.median)} µs against ${figure(over.median)} µs`,
          c.floorShare ? `${percent(c.floorShare)} of the floor` : ""].filter(Boolean);
}

function drawSpeedups(selected) {
  const all = speedupGroups(selected);
  const pages = Math.max(1, Math.ceil(all.length / GROUPS_PER_PAGE));
  const page = Math.min(pages, Math.max(1, Number(state.page) || 1));
  const groups = all.slice((page - 1) * GROUPS_PER_PAGE, page * GROUPS_PER_PAGE);
  const variants = KERNELS.filter((variant) => groups.some((group) => group.cases.has(variant)));
  showPager(page, pages, all.length);
  document.getElementById("speedup-empty").hidden = groups.length > 0;
  document.getElementById("speedup-box").hidden = groups.length === 0;
  if (charts.speedup) charts.speedup.chart.destroy();
  if (groups.length === 0) return;

  document.getElementById("speedup-legend").replaceChildren(
    ...variants.map((variant) => legendItem(legendMark("rect"), variant, colourName(variant))));
  document.getElementById("speedup-box").style.height = `${70 + groups.length * (14 + 17 * Math.max(2, variants.length))}px`;
  const several = {dtype: !state.dtype && CHOICES[1][2].length > 1, layout: !state.layout && CHOICES[2][2].length > 1};
  const ratios = groups.flatMap((group) => [...group.cases.values()].flatMap((c) => c.speedup || []));
  const canvas = document.getElementById("speedup-chart");
  canvas.setAttribute("aria-label", `Speed-ups of ${groups.length} problems; the same figures are in the table below.`);
  charts.speedup = {drawn: false};
  charts.speedup.chart = new Chart(canvas, {
    type: "bar",
    data: {
      labels: groups.map((group) => groupLabel(group, several)),
      datasets: variants.map((variant) => {
        const cases = groups.map((group) => group.cases.get(variant));
        return {label: variant, cases, data: cases.map((c) => (c && c.speedup ? c.speedup[0] : null)), base: 1,
                backgroundColor: variantColour(variant), categoryPercentage: 0.84, barPercentage: 0.86};
      }),
    },
    options: speedupOptions(Math.min(...ratios, 1), Math.max(...ratios, 1)),
    plugins: [speedupMarks],
  });
}

function showPager(page, pages, count) {
  const pager = document.getElementById("speedup-pager");
  const go = (to) => select({page: String(to)}, ["speedups"]);
  const order = el("select", {"aria-label": "Order of the problems",
                              onchange: (event) => select({order: event.target.value, page: ""}, ["speedups"])},
                   ...[["", "as in the config"], ["fastest", "largest speed-up first"], ["slowest", "smallest first"]]
                     .map(([value, name]) => el("option", {value, selected: state.order === value}, name)));
  pager.replaceChildren(order);
  if (pages < 2) return;
  pager.append(
    el("button", {type: "button", disabled: page === 1, onclick: () => go(page - 1)}, "Previous"),
    `${(page - 1) * GROUPS_PER_PAGE + 1} to ${Math.min(count, page * GROUPS_PER_PAGE)} of ${count}`,
    el("button", {type: "button", disabled: page === pages, onclick: () => go(page + 1)}, "Next"));
}

// The horizontal ceilings that matter for these dtypes, in TFLOP/s; those within 4 % of each other share a line.
function roofs(dtypes) {
  const ceilings = HEADER.ceilings;
  const list = [["FFMA", ceilings.ffma]];
  if (dtypes.has("fp32")) list.push(["tensor TF32", ceilings.tf32]);
  if (dtypes.has("fp16")) list.push(["tensor fp16", ceilings.fp16]);
  if (dtypes.has("bf16")) list.push(["tensor bf16", ceilings.bf16]);
  const merged = [];
  for (const [name, rate] of list.filter((roof) => roof[1] > 0).sort((a, b) => a[1] - b[1])) {
    const last = merged[merged.length - 1];
    if (last && rate / last.rate < 1.04) {
      last.name += `, ${name}`;
      last.rate = rate;
    } else {
      merged.push({name, rate});
    }
  }
  return merged.map(({name, rate}) => ({name: `${name} ${figure(rate / 1e12, 3)} TFLOP/s`, rate: rate / 1e12}));
}

// Where the names of level lines stand, as pixels of their lower ends: on the lines, but under one that has
// another so close above it that its name would not fit between.
function namePlaces(lines, height) {
  return lines.map((y) => (lines.some((other) => other < y && y - other < height + 3) ? y + height + 3 : y - 3));
}

// Names the ceilings on their lines.
const rooflineMarks = {
  id: "rooflineMarks",
  afterDatasetsDraw(chart) {
    const {ctx, chartArea, scales: {x, y}} = chart;
    ctx.save();
    ctx.font = "12px system-ui, sans-serif";
    ctx.fillStyle = colour("--soft");
    ctx.textBaseline = "bottom";
    const lines = chart.data.datasets.filter((d) => d.roof);
    const level = lines.filter((d) => d.roof !== "memory");
    const places = namePlaces(level.map((d) => y.getPixelForValue(d.data[1].y)), 12);
    for (const dataset of lines) {
      const [from, to] = dataset.data;
      if (dataset.roof === "memory") {
        const [x0, y0, x1, y1] = [x.getPixelForValue(from.x), y.getPixelForValue(from.y), x.getPixelForValue(to.x),
                                  y.getPixelForValue(to.y)];
        ctx.translate(x0, y0);
        ctx.rotate(Math.atan2(y1 - y0, x1 - x0));
        ctx.textAlign = "left";
        ctx.fillText(dataset.label, 14, -4);
        ctx.setTransform(chart.currentDevicePixelRatio, 0, 0, chart.currentDevicePixelRatio, 0, 0);
      } else {
        ctx.textAlign = "right";
        ctx.fillText(dataset.label, chartArea.right - 8, places[level.indexOf(dataset)]);
      }
    }
    ctx.restore();
    document.documentElement.dataset.roofNamesAt = places.map(Math.round).join(" ");
    const points = chart.data.datasets.filter((d) => d.cases).reduce((sum, d) => sum + d.cases.length, 0);
    noteDrawing("roofline", points);
  },
};

function ceilingDatasets(dtypes, xMin, xMax, yMin) {
  if (!HEADER.ceilings) return [];
  const bandwidth = HEADER.ceilings.copy / 1e12;  // TFLOP/s at one FLOP a byte
  const line = {type: "line", borderColor: colour("--soft"), borderWidth: 1.5, pointRadius: 0, pointHitRadius: 0, order: 10};
  const flat = roofs(dtypes);
  const highest = flat.length ? flat[flat.length - 1].rate : bandwidth * xMax;
  const start = Math.max(xMin, yMin / bandwidth);
  return [
    {...line, roof: "memory", label: `memory ${figure(bandwidth, 3)} TB/s`,
     data: [{x: start, y: start * bandwidth}, {x: Math.min(xMax, highest / bandwidth), y: Math.min(xMax * bandwidth, highest)}]},
    ...flat.map((roof) => ({...line, roof: "compute", label: roof.name, borderDash: roof.name.startsWith("FFMA") ? [] : [6, 4],
                            data: [{x: Math.min(roof.rate / bandwidth, xMax), y: roof.rate}, {x: xMax, y: roof.rate}]})),
  ];
}

function pointDataset(variant, cases) {
  const baseline = BASELINES.includes(variant);
  const tint = variantColour(variant);
  return {
    label: variant, cases, data: cases.map((c) => ({x: c.intensity, y: c.tflops})),
    pointStyle: cases.map((c) => DTYPE_MARKS[c.dtype] || "rect"), pointRadius: baseline ? 4 : 4.5, pointHoverRadius: 7,
    backgroundColor: baseline ? "transparent" : `${tint}b0`, borderColor: tint, borderWidth: baseline ? 1.5 : 1,
    order: baseline ? 5 : 1,
  };
}

function rooflineOptions(xMin, xMax, yMin, yMax) {
  const axis = axisColours();
  const ticks = (scale) => { scale.ticks = steps125(scale.min, scale.max).map((value) => ({value})); };
  const plain = {...axis.ticks, callback: (value) => String(Number(value.toPrecision(3)))};
  return {
    animation: false, responsive: true, maintainAspectRatio: false, normalized: true,
    scales: {
      x: {...axis, type: "logarithmic", min: xMin, max: xMax, afterBuildTicks: ticks, ticks: plain,
          title: {...axis.title, text: "intensity: FLOP per compulsory byte"}},
      y: {...axis, type: "logarithmic", min: yMin, max: yMax, afterBuildTicks: ticks, ticks: plain,
          title: {...axis.title, text: "achieved TFLOP/s"}},
    },
    onClick: (event, hits, chart) => {
      const hit = hits.find((h) => chart.data.datasets[h.datasetIndex].cases);
      if (hit) openCase(chart.data.datasets[hit.datasetIndex].cases[hit.index]);
    },
    plugins: {
      legend: {display: false},
      tooltip: {...tooltipColours(), filter: (item) => Boolean(item.dataset.cases), callbacks: {
        title: () => "",
        label: (item) => rooflineLines(item.dataset.cases[item.dataIndex]),
      }},
    },
  };
}

function rooflineLines(c) {
  return [c.id, `${figure(c.median)} µs · ${figure(c.tflops, 3)} TFLOP/s · ${figure(c.gbs, 3)} GB/s`,
          c.floorShare ? `${percent(c.floorShare)} of the floor (${figure(c.time.floor)} µs)` : "",
          c.ratio ? `${times(c.ratio)} over ${CASES[c.over].variant}` : ""].filter(Boolean);
}

function drawRoofline(selected) {
  const timed = selected.filter((c) => c.time && c.tflops > 0 && c.intensity > 0);
  document.getElementById("roofline-empty").hidden = timed.length > 0;
  document.getElementById("roofline-box").hidden = timed.length === 0;
  if (charts.roofline) charts.roofline.chart.destroy();
  if (timed.length === 0) return;

  const dtypes = new Set(timed.map((c) => c.dtype));
  const variants = [...KERNELS, ...BASELINES].filter((variant) => timed.some((c) => c.variant === variant));
  const top = HEADER.ceilings ? roofs(dtypes).reduce((most, roof) => Math.max(most, roof.rate), 0) : 0;
  const [xs, ys] = [timed.map((c) => c.intensity), timed.map((c) => c.tflops)];
  const [xMin, xMax] = [Math.min(...xs) / 2, Math.max(...xs, HEADER.ceilings ? (1.2e12 * top) / HEADER.ceilings.copy : 0) * 2];
  const [yMin, yMax] = [Math.min(...ys) / 2, Math.max(...ys, top) * 2];
  document.getElementById("roofline-legend").replaceChildren(
    ...variants.map((v) => legendItem(legendMark("circle", BASELINES.includes(v)), v, colourName(v))),
    ...(dtypes.size > 1 ? [...dtypes].map((dtype) => legendItem(legendMark(DTYPE_MARKS[dtype] || "rect"), dtype, "--soft")) : []));
  document.getElementById("roofline-box").style.height = "520px";
  const canvas = document.getElementById("roofline-chart");
  canvas.setAttribute("aria-label", `Roofline of ${timed.length} cases; the same figures are in the table below.`);
  charts.roofline = {drawn: false};
  charts.roofline.chart = new Chart(canvas, {
    type: "scatter",
    data: {datasets: [...variants.map((variant) => pointDataset(variant, timed.filter((c) => c.variant === variant))),
                      ...ceilingDatasets(dtypes, xMin, xMax, yMin)]},
    options: rooflineOptions(xMin, xMax, yMin, yMax),
    plugins: [rooflineMarks],
  });
}

// The distribution of a case's samples: its quantiles from the smallest to the largest.
function drawSamples(canvas, c) {
  const {quantiles, median} = c.time;
  const axis = axisColours();
  return new Chart(canvas, {
    type: "scatter",
    data: {datasets: [
      {type: "line", data: quantiles.map((value, i) => ({x: quantiles.length > 1 ? (100 * i) / (quantiles.length - 1) : 50, y: value})),
       borderColor: variantColour(c.variant), backgroundColor: variantColour(c.variant), borderWidth: 1.5, pointRadius: 2},
      {type: "line", data: [{x: 0, y: median}, {x: 100, y: median}], borderColor: colour("--soft"), borderWidth: 1,
       borderDash: [4, 4], pointRadius: 0},
    ]},
    options: {
      animation: false, responsive: true, maintainAspectRatio: false,
      scales: {x: {...axis, min: 0, max: 100, title: {...axis.title, text: "share of samples, %"}},
               y: {...axis, title: {...axis.title, text: "µs"}, grace: "10%", ticks: {...axis.ticks, maxTicksLimit: 6}}},
      plugins: {legend: {display: false}, tooltip: {...tooltipColours(), filter: (item) => item.datasetIndex === 0, callbacks: {
        title: () => "", label: (item) => `${Math.round(item.parsed.x)} % of the samples took at most ${figure(item.parsed.y)} µs`}}},
    },
  });
}
