"use strict";
// Numbers to pictures, and the arithmetic of codes.

/** Little-endian float32 in base64. */
function unpack(text) {
  return new Float32Array(bytesOf(text).buffer);
}

function bytesOf(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

/** The rows of a flat array. */
function rowsOf(values, width) {
  return Array.from({ length: values.length / width }, (_, i) =>
    values.slice(i * width, (i + 1) * width));
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Paint a sample: an image from black to white, anything else as a line of its numbers. */
function paint(canvas, values, space) {
  if (space.image) paintImage(canvas, values, space);
  else paintLine(canvas, inUnits(values, space.units));
}

/** Values in mixed units, each in its own standard deviations from its mean. */
function inUnits(values, units) {
  return units ? Array.from(values, (value, i) => (value - units.mean[i]) / units.scale[i]) : values;
}

function paintImage(canvas, values, { shape: [channels, height, width], range: [low, high] }) {
  const size = height * width;
  const image = new ImageData(width, height);
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) {
      image.data[4 * i + c] = // clamped
        255 * (values[channels === 1 ? i : c * size + i] - low) / (high - low);
    }
    image.data[4 * i + 3] = 255;
  }
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function paintLine(canvas, values) {
  const large = canvas.id === "picture";
  const [width, height, margin] = large ? [480, 240, 24] : [192, 96, 8];
  canvas.width = width;
  canvas.height = height;
  // In the colours of the page, so once more when these change.
  canvas.repaint = () => paintLine(canvas, values);
  const context = canvas.getContext("2d");
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const spread = high - low || 1;
  const place = (value, i) => [
    margin + (width - 2 * margin) * (i / (values.length - 1)),
    height - margin - (height - 2 * margin) * ((value - low) / spread),
  ];
  context.strokeStyle = context.fillStyle = colour("--accent");
  if (values.length === 1) { // which has no scale but itself
    context.font = `${large ? 48 : 28}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.fillText(Number(values[0].toPrecision(3)), width / 2, height / 2 + (large ? 16 : 10));
    return;
  }
  context.lineWidth = 3;
  context.beginPath();
  values.forEach((value, i) => context.lineTo(...place(value, i)));
  context.stroke();
  if (values.length <= 64) {
    values.forEach((value, i) => context.fillRect(place(value, i)[0] - 3, place(value, i)[1] - 3, 6, 6));
  }
  if (!large) return;
  context.fillStyle = colour("--soft");
  context.font = "20px system-ui, sans-serif";
  context.fillText(high.toPrecision(3), 4, 18);
  context.fillText(low.toPrecision(3), 4, height - 4);
}

/** A text, cut where it is wider than there is room. */
function shortened(context, text, width) {
  let end = text.length;
  const cut = () => (end < text.length ? `${text.slice(0, end)}…` : text);
  while (end > 1 && context.measureText(cut()).width > width) end--;
  return cut();
}

/** How far a code lies along a principal axis, in standard deviations. */
function along(code, axes, a) {
  const [vector, mean] = [axes.vectors[a], axes.mean];
  let sum = 0;
  for (let i = 0; i < mean.length; i++) sum += (code[i] - mean[i]) * vector[i];
  return sum / axes.scales[a];
}

/** The code moved along a principal axis to so many standard deviations. */
function moved(code, axes, a, to) {
  const step = (to - along(code, axes, a)) * axes.scales[a];
  return code.map((z, i) => z + step * axes.vectors[a][i]);
}

/** A place on the path between two codes that keeps to the norms of N(0, I) (Shoemake 1985). */
function between(start, end, t) {
  const dot = (a, b) => a.reduce((sum, z, i) => sum + z * b[i], 0);
  const lengths = Math.sqrt(dot(start, start) * dot(end, end));
  const cosine = lengths ? Math.max(-1, Math.min(1, dot(start, end) / lengths)) : 1;
  // Where the two directions agree, or oppose each other, there is no arc to follow.
  if (Math.abs(cosine) > 1 - 1e-6) return start.map((z, i) => z + t * (end[i] - z));
  const angle = Math.acos(cosine);
  const [a, b] = [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
  return start.map((z, i) => a * z + b * end[i]);
}
