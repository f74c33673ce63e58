"use strict";
// What the controls do. `openSource` is the server's or, in the mailed file, the browser's own.

const element = (id) => document.getElementById(id);
const state = { code: null, values: null, start: null, end: null };
const NEIGHBOURS = 8;
const STEPS = 9;
const DRAWN = 12;
const UPLOAD_BYTES = 1 << 24;
let source = null;
let map = null;
let working = 0;

function complain(error) {
  element("message").textContent = error.message || String(error);
  element("message").hidden = false;
}

/** A function that runs once at a time, and then with the latest of what it was asked meanwhile. */
function latest(work) {
  let [busy, next] = [false, null];
  return async (...asked) => {
    next = asked;
    if (busy) return;
    busy = true;
    element("main").setAttribute("aria-busy", ++working > 0);
    try {
      while (next) {
        const now = next;
        next = null;
        await work(...now);
      }
      element("message").hidden = true;
    } catch (error) {
      complain(error);
    } finally {
      busy = false;
      element("main").setAttribute("aria-busy", --working > 0);
    }
  };
}

const show = latest(async (code, told) => {
  const [values] = await source.decode([code]);
  state.values = values;
  paint(element("picture"), values, source.space);
  const near = await source.neighbours(code, NEIGHBOURS);
  element("status").textContent =
    `${told}: norm ${Math.hypot(...code).toFixed(2)} (√${code.length} = ` +
    `${Math.sqrt(code.length).toFixed(2)}), nearest training sample at ${near[0].distance.toFixed(2)}`;
  element("numbers").textContent =
    `code ${Array.from(code, (z) => z.toFixed(3)).join(" ")}\n` +
    `values ${Array.from(values.slice(0, 256), (x) => x.toFixed(3)).join(" ")}` +
    (values.length > 256 ? ` … (${values.length})` : "");
  fill("neighbours", near.map((one, i) => ({
    ...one, caption: one.distance.toFixed(2), label: `Nearest training sample ${i + 1}`,
  })));
});

/** Make a code the current one. */
function go(code, told) {
  state.code = Float64Array.from(code);
  map.mark("current", state.code);
  for (const slider of element("sliders").querySelectorAll("input")) {
    setSlider(slider, along(state.code, source.space.axes, Number(slider.dataset.axis)));
  }
  show(state.code, told);
}

function setSlider(slider, value) {
  slider.value = value;
  slider.nextElementSibling.textContent = value.toFixed(2).replace(/^-(0\.0+)$/, "$1");
  slider.setAttribute("aria-valuetext", `${value.toFixed(2)} standard deviations`);
}

/** Fill a strip with samples that can be taken. */
function fill(strip, tiles) {
  const made = tiles.map(({ code, show: draw, caption, label }) => {
    const tile = document.createElement("button");
    tile.type = "button";
    tile.className = source.space.image ? "tile" : "tile plot";
    tile.setAttribute("aria-label", `${label}, ${caption}`);
    const canvas = document.createElement("canvas");
    draw(canvas);
    const text = document.createElement("span");
    text.textContent = caption;
    tile.append(canvas, text);
    tile.addEventListener("click", () => go(code, label));
    return tile;
  });
  const old = [...element(strip).children];
  const focused = old.indexOf(document.activeElement);
  element(strip).replaceChildren(...made);
  if (focused >= 0) (made[focused] || made.at(-1)).focus({ preventScroll: true });
}

const tiled = (codes, values, caption, label) => codes.map((code, i) => ({
  code, show: (canvas) => paint(canvas, values[i], source.space), caption: caption(i), label: label(i),
}));

const drawSamples = latest(async () => {
  const codes = await source.draw(element("prior").value, DRAWN);
  const values = await source.decode(codes);
  fill("drawn", tiled(codes, values, (i) => String(i + 1), () => "Drawn sample"));
  go(codes[0], "Drawn sample");
});

/** Set one end or both; what is shown is then the place on the walk. */
function setEnds(ends, place) {
  for (const [name, code] of Object.entries(ends)) {
    state[name] = Float64Array.from(code);
    map.mark(name, state[name]);
  }
  element("place").value = place;
  walk();
}

const walk = latest(async () => {
  if (!state.start || !state.end) return;
  const places = Array.from({ length: STEPS }, (_, i) => i / (STEPS - 1));
  const codes = places.map((t) => between(state.start, state.end, t));
  const values = await source.decode(codes);
  const percent = (i) => `${Math.round(100 * places[i])} %`;
  fill("walk", tiled(codes, values, percent, () => "Place on the walk"));
  element("place").disabled = false;
  atPlace();
});

function atPlace() {
  const t = Number(element("place").value);
  element("place-value").textContent = `${Math.round(100 * t)} %`;
  go(between(state.start, state.end, t), "On the walk");
}

const upload = latest(async (file) => {
  if (file.size > UPLOAD_BYTES) {
    throw new Error(`Images may have ${UPLOAD_BYTES / 2 ** 20} MiB: this has more. Make it smaller.`);
  }
  const { values, code } = await source.encode(file, element("invert").checked);
  const [again] = await source.decode([code]);
  const error = values.reduce((sum, x, i) => sum + (x - again[i]) ** 2, 0) / values.length;
  fill("uploaded", tiled([code, code], [values, again],
    (i) => (i ? `error ${error.toFixed(4)}` : "as seen"),
    (i) => (i ? "Its reconstruction" : "Your image")));
  go(code, "Your image");
});

function makeSliders({ scales, shares }) {
  scales.forEach((_, a) => {
    const label = document.createElement("label");
    label.className = "slider";
    const name = document.createElement("span");
    name.textContent = `Axis ${a + 1} (${(100 * shares[a]).toFixed(1)} %)`;
    const slider = Object.assign(document.createElement("input"), {
      type: "range", min: -4, max: 4, step: 0.01, id: `slider-${a + 1}`,
    });
    slider.dataset.axis = a;
    const output = document.createElement("output");
    output.htmlFor = slider.id;
    slider.addEventListener("input", () =>
      go(moved(state.code, source.space.axes, a, Number(slider.value)), `Axis ${a + 1}`));
    label.append(name, slider, output);
    element("sliders").append(label);
    for (const [select, start] of [["axis-x", 0], ["axis-y", 1]]) {
      element(select).add(new Option(name.textContent, a, a === start, a === start));
    }
  });
  element("axis-y").disabled = scales.length === 1;
}

function connect() {
  const { axes } = source.space;
  const move = (u, v) => {
    const [x, y] = map.axes;
    const code = moved(state.code, axes, x, u);
    go(x === y ? code : moved(code, axes, y, v), "On the map");
  };
  map = new CodeMap(element("map"), source.space, {
    move,
    take: (code) => go(code, "Training sample"),
    join: (start, end) => setEnds({ start, end }, 0.5),
    mark: (name) => setEnds({ [name]: state.code }, name === "start" ? 0 : 1),
  });
  const turn = () => {
    map.setAxes(Number(element("axis-x").value), Number(element("axis-y").value || 0));
    for (const [name, code] of [["current", state.code], ["start", state.start], ["end", state.end]]) {
      map.mark(name, code);
    }
  };
  element("axis-x").addEventListener("change", turn);
  element("axis-y").addEventListener("change", turn);
  const acts = {
    "zoom-in": () => map.zoom(1 / 1.3),
    "zoom-out": () => map.zoom(1.3),
    "zoom-all": () => map.showAll(),
    mean: () => go(axes.mean, "Mean code"),
    "as-start": () => setEnds({ start: state.code }, 0),
    "as-end": () => setEnds({ end: state.code }, 1),
    draw: () => drawSamples(),
  };
  for (const [id, act] of Object.entries(acts)) element(id).addEventListener("click", act);
  element("place").addEventListener("input", atPlace);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    map.draw();
    for (const canvas of document.querySelectorAll("canvas")) canvas.repaint?.();
  });
  connectUpload();
}

function connectUpload() {
  const section = element("upload-section");
  section.hidden = !source.space.image;
  element("upload").addEventListener("change", () => {
    const [file] = element("upload").files;
    if (file) upload(file);
  });
  element("invert").addEventListener("change", () => {
    const [file] = element("upload").files;
    if (file) upload(file);
  });
  section.addEventListener("dragover", (event) => {
    event.preventDefault();
    element("uploaded").classList.add("dropping");
  });
  section.addEventListener("dragleave", () => element("uploaded").classList.remove("dropping"));
  section.addEventListener("drop", (event) => {
    event.preventDefault();
    element("uploaded").classList.remove("dropping");
    const [file] = event.dataTransfer.files;
    if (file) upload(file);
  });
}

async function start() {
  source = await openSource();
  const { space } = source;
  document.title = element("title").textContent = `Latent space of ${space.title}`;
  element("about").textContent =
    `${space.dim}-dimensional codes of ${space.samples} training samples of shape ` +
    `${space.shape.join("×")}, ${unpack(space.codes).length / space.dim} of them on the map.`;
  element("main").hidden = false;
  for (const { name, title } of space.priors) {
    const chosen = name === space.prior;
    element("prior").add(new Option(title, name, chosen, chosen));
  }
  makeSliders(space.axes);
  connect();
  const codes = unpack(space.codes);
  go(codes.slice(space.start * space.dim, (space.start + 1) * space.dim), "Training sample");
  await map.loadThumbnails();
}

start().catch((error) => {
  element("about").textContent = "";
  complain(error);
});
