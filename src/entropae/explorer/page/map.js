"use strict";
// The 2-d map: training samples at their places along two principal axes.

class CodeMap {
  /**
   * @param canvas Where it is drawn.
   * @param space What the source tells of the model.
   * @param acts What to do: move(u, v), take(sample), join(sample, sample), mark("start" | "end").
   */
  constructor(canvas, space, acts) {
    Object.assign(this, { canvas, space, acts });
    this.codes = rowsOf(unpack(space.codes), space.dim);
    this.flat = space.axes.vectors.length === 1;
    this.thumbnails = null;
    this.marks = {};
    this.from = this.pointer = null;
    this.setAxes(0, Math.min(1, space.axes.vectors.length - 1));
    canvas.addEventListener("pointerdown", (event) => this.pressed(event));
    canvas.addEventListener("pointermove", (event) => this.dragged(event));
    canvas.addEventListener("pointerup", (event) => this.released(event));
    canvas.addEventListener("pointercancel", () => this.forget());
    canvas.addEventListener("wheel", (event) => this.turned(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.typed(event));
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  async loadThumbnails() {
    if (!this.space.thumbnails) return;
    const image = new Image();
    image.src = this.space.thumbnails.source;
    await image.decode();
    this.thumbnails = image;
    this.draw();
  }

  setAxes(x, y) {
    this.axes = [x, y];
    this.points = this.codes.map((code) => this.placeOf(code));
    this.showAll();
  }

  /** Where a code lies on the map; codes that vary along one axis only lie on a line. */
  placeOf(code) {
    const { axes } = this.space;
    const [x, y] = this.axes;
    return [along(code, axes, x), this.flat ? 0 : along(code, axes, y)];
  }

  showAll() {
    const extent = Math.max(1, ...this.points.flat().map(Math.abs));
    this.view = { u: 0, v: 0, half: 1.08 * extent };
    this.draw();
  }

  zoom(factor, u = this.view.u, v = this.view.v) {
    const half = Math.min(100, Math.max(0.05, this.view.half * factor));
    const real = half / this.view.half; // the place (u, v) stays where it is
    this.view = { u: u + (this.view.u - u) * real, v: v + (this.view.v - v) * real, half };
    this.draw();
  }

  get scale() {
    return Math.min(this.canvas.clientWidth, this.canvas.clientHeight) / 2 / this.view.half;
  }

  pixel([u, v]) {
    return [
      this.canvas.clientWidth / 2 + (u - this.view.u) * this.scale,
      this.canvas.clientHeight / 2 - (v - this.view.v) * this.scale,
    ];
  }

  world(x, y) {
    return [
      this.view.u + (x - this.canvas.clientWidth / 2) / this.scale,
      this.view.v - (y - this.canvas.clientHeight / 2) / this.scale,
    ];
  }

  /** Set a mark (current, start, end) at a code, or remove it. */
  mark(name, code) {
    this.marks[name] = code && this.placeOf(code);
    this.draw();
  }

  draw() {
    const { canvas } = this;
    const [width, height, ratio] = [canvas.clientWidth, canvas.clientHeight, devicePixelRatio || 1];
    if (!width || !height) return;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    this.drawAxes(context, width, height);
    this.drawPoints(context, width, height);
    this.drawMarks(context);
    this.drawAxisNames(context, width, height);
    this.drawLegend(context, width, height);
  }

  drawAxes(context, width, height) {
    const [x, y] = this.pixel([0, 0]);
    context.strokeStyle = colour("--line");
    context.beginPath();
    context.moveTo(0, y);
    context.lineTo(width, y);
    context.moveTo(x, 0);
    context.lineTo(x, height);
    context.stroke();
  }

  /** Over the samples, which may lie there. */
  drawAxisNames(context, width, height) {
    const [x, y] = this.pixel([0, 0]);
    context.font = "13px system-ui, sans-serif";
    const right = `axis ${this.axes[0] + 1} →`;
    const left = width - context.measureText(right).width - 6;
    this.write(context, right, left, Math.min(height - 6, Math.max(14, y - 5)), "--soft");
    if (this.flat) return;
    this.write(context, `↑ axis ${this.axes[1] + 1}`, Math.min(width - 60, Math.max(4, x + 5)), 15, "--soft");
  }

  /** Text that can be read on any picture: on an edge in the ground's colour. */
  write(context, text, x, y, ink) {
    context.lineWidth = 4;
    context.lineJoin = "round";
    context.strokeStyle = colour("--ground");
    context.strokeText(text, x, y);
    context.fillStyle = colour(ink);
    context.fillText(text, x, y);
  }

  /** A dot for each sample, and its thumbnail where that leaves room around others. */
  drawPoints(context, width, height) {
    const sheet = this.space.thumbnails;
    const enlarged = sheet && Math.max(sheet.width, sheet.height) < 24 ? 3 : 1;
    const [w, h] = this.thumbnails ? [sheet.width * enlarged, sheet.height * enlarged] : [8, 8];
    this.shown = [];
    context.imageSmoothingEnabled = false;
    const inside = this.points.map((point, i) => [i, ...this.pixel(point)])
      .filter(([, x, y]) => x > 0 && y > 0 && x < width && y < height);
    for (const [i, x, y] of inside) {
      context.fillStyle = this.shade(i);
      context.fillRect(x - 1.5, y - 1.5, 3, 3);
      const near = (box) => Math.abs(box.x - x) < 1.15 * w && Math.abs(box.y - y) < 1.15 * h;
      if (!this.thumbnails || !this.shown.some(near)) this.shown.push({ i, x, y, w, h });
    }
    if (!this.thumbnails) return;
    for (const { i, x, y } of this.shown) {
      context.drawImage(this.thumbnails, (i % sheet.columns) * sheet.width,
        Math.floor(i / sheet.columns) * sheet.height, sheet.width, sheet.height,
        Math.round(x - w / 2), Math.round(y - h / 2), w, h);
      if (!this.space.classes) continue;
      context.lineWidth = 2;
      context.strokeStyle = this.shade(i);
      context.strokeRect(Math.round(x - w / 2) - 1, Math.round(y - h / 2) - 1, w + 2, h + 2);
    }
  }

  /** The colour of a sample: that of its class, if there are classes. */
  shade(i) {
    const { classes } = this.space;
    return classes ? classes.colours[classes.numbers[i]] : colour("--soft");
  }

  drawLegend(context, width, height) {
    const { classes } = this.space;
    if (!classes) return;
    context.font = "13px system-ui, sans-serif";
    classes.names.forEach((name, i) => {
      const y = height - 14 - 17 * (classes.names.length - 1 - i);
      context.fillStyle = classes.colours[i];
      context.fillRect(6, y - 9, 10, 10);
      this.write(context, shortened(context, name, width - 27), 21, y, "--ink");
    });
  }

  drawMarks(context) {
    for (const [name, text, shade] of [
      ["start", "start", "--other"], ["end", "end", "--other"], ["current", "", "--accent"],
    ]) {
      if (!this.marks[name]) continue;
      const [x, y] = this.pixel(this.marks[name]);
      context.font = "bold 14px system-ui, sans-serif";
      // Twice, the first time wider and in the ground's colour: it must be seen on any picture.
      for (const [width, ink] of [[7, "--ground"], [3, shade]]) {
        context.lineWidth = width;
        context.strokeStyle = context.fillStyle = colour(ink);
        context.beginPath();
        context.arc(x, y, 9, 0, 2 * Math.PI);
        for (const [a, b] of [[-1, 0], [1, 0], [0, -1], [0, 1]]) {
          context.moveTo(x + 5 * a, y + 5 * b);
          context.lineTo(x + 15 * a, y + 15 * b);
        }
        context.stroke();
        if (width > 3) context.strokeText(text, x + 14, y - 10);
        else context.fillText(text, x + 14, y - 10);
      }
    }
    if (this.from && this.pointer) {
      context.strokeStyle = colour("--other");
      context.beginPath();
      context.moveTo(...this.pixel(this.points[this.from.i]));
      context.lineTo(...this.pointer);
      context.stroke();
    }
  }

  at(x, y) {
    return this.shown.find((box) => Math.abs(x - box.x) <= box.w / 2 && Math.abs(y - box.y) <= box.h / 2);
  }

  pressed(event) {
    if (event.button !== 0) return;
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    this.from = this.at(event.offsetX, event.offsetY) || null;
    this.wandering = !this.from;
    if (this.wandering) this.acts.move(...this.world(event.offsetX, event.offsetY));
  }

  dragged(event) {
    if (this.wandering) this.acts.move(...this.world(event.offsetX, event.offsetY));
    if (!this.from) return;
    this.pointer = [event.offsetX, event.offsetY];
    this.draw();
  }

  released(event) {
    const [from, to] = [this.from, this.at(event.offsetX, event.offsetY)];
    this.forget();
    if (!from || !to) return;
    if (from.i === to.i) this.acts.take(this.codes[from.i]);
    else this.acts.join(this.codes[from.i], this.codes[to.i]);
  }

  forget() {
    this.from = this.pointer = null;
    this.wandering = false;
    this.draw();
  }

  turned(event) {
    event.preventDefault();
    this.zoom(event.deltaY > 0 ? 1.15 : 1 / 1.15, ...this.world(event.offsetX, event.offsetY));
  }

  typed(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const step = (event.shiftKey ? 0.12 : 0.03) * this.view.half;
    const [u, v] = this.marks.current;
    const keys = {
      ArrowLeft: () => this.step(u - step, v),
      ArrowRight: () => this.step(u + step, v),
      ArrowUp: () => this.step(u, v + step),
      ArrowDown: () => this.step(u, v - step),
      Enter: () => this.acts.take(this.codes[this.nearest(u, v)]),
      s: () => this.acts.mark("start"),
      e: () => this.acts.mark("end"),
      "+": () => this.zoom(1 / 1.3, u, v),
      "=": () => this.zoom(1 / 1.3, u, v),
      "-": () => this.zoom(1.3, u, v),
      0: () => this.showAll(),
    };
    const act = keys[event.key] || keys[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  }

  /** Move the current code, and the view after it if it would leave. */
  step(u, v) {
    this.acts.move(u, v);
    const [x, y] = this.pixel([u, v]);
    if (x < 0 || y < 0 || x > this.canvas.clientWidth || y > this.canvas.clientHeight) {
      Object.assign(this.view, { u, v });
      this.draw();
    }
  }

  nearest(u, v) {
    const far = this.points.map(([a, b]) => Math.hypot(a - u, b - v));
    return far.indexOf(Math.min(...far));
  }
}
