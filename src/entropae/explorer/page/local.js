"use strict";
// The model in this file, run by ONNX Runtime, which is in it too: nothing is fetched.

async function openSource() {
  const embedded = JSON.parse(element("embedded").textContent);
  const { space } = embedded;
  const ort = await importText(embedded.runtime);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = await unzipped(bytesOf(embedded.wasm));
  const [encoder, decoder] = await Promise.all(
    [embedded.encoder, embedded.decoder].map((model) => ort.InferenceSession.create(bytesOf(model))));
  const run = async (session, values, shape) => {
    const input = new ort.Tensor("float32", Float32Array.from(values), shape);
    const found = await session.run({ [session.inputNames[0]]: input });
    return found[session.outputNames[0]].data;
  };
  const size = space.shape.reduce((a, b) => a * b, 1);
  const codes = rowsOf(unpack(space.codes), space.dim);
  const drawn = Object.fromEntries(Object.entries(embedded.drawn).map(([name, text]) =>
    [name, { rows: rowsOf(unpack(text), space.dim), next: 0 }]));
  const thumbnails = space.thumbnails && (await loaded(space.thumbnails.source));
  const samples = embedded.samples && rowsOf(unpack(embedded.samples), size);
  return {
    space,
    async decode(some) {
      const flat = some.flatMap((code) => Array.from(code));
      return rowsOf(await run(decoder, flat, [some.length, space.dim]), size);
    },
    async neighbours(code, k) {
      const distance = (other) => Math.hypot(...other.map((z, i) => z - code[i]));
      return codes.map((other, i) => ({ i, code: other, distance: distance(other) }))
        .sort((a, b) => a.distance - b.distance).slice(0, k)
        .map((one) => ({ ...one, show: (canvas) => thumbnails
          ? paintThumbnail(canvas, thumbnails, space.thumbnails, one.i)
          : paint(canvas, samples[one.i], space) }));
    },
    async draw(prior, n) {
      const { rows, next } = drawn[prior];
      drawn[prior].next = (next + n) % rows.length;
      return rows.slice(next, next + n);
    },
    async encode(file, invert) {
      const [low, high] = space.range;
      const pixels = await pixelsOf(file, space.shape);
      const values = pixels.map((x) => low + (high - low) * (invert ? 1 - x : x));
      return { values, code: await run(encoder, values, [1, ...space.shape]) };
    },
  };
}

async function importText(text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    return await import(address);
  } finally {
    URL.revokeObjectURL(address);
  }
}

async function unzipped(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

async function loaded(source) {
  const image = new Image();
  image.src = source;
  await image.decode();
  return image;
}

function paintThumbnail(canvas, image, { columns, width, height }, i) {
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").drawImage(image, (i % columns) * width,
    Math.floor(i / columns) * height, width, height, 0, 0, width, height);
}

/** The pixels of an image file, in [0, 1]: its middle, on white, resized; grey by Rec. 601. */
async function pixelsOf(file, [channels, height, width]) {
  let image;
  try {
    image = await createImageBitmap(file);
  } catch {
    throw new Error("The image cannot be read: this browser knows no such format.");
  }
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  const scale = Math.max(width / image.width, height / image.height);
  const [w, h] = [image.width * scale, image.height * scale];
  context.drawImage(image, (width - w) / 2, (height - h) / 2, w, h);
  const { data } = context.getImageData(0, 0, width, height);
  const size = height * width;
  return Float32Array.from({ length: channels * size }, (_, j) => {
    const i = 4 * (j % size);
    const grey = 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
    return (channels === 1 ? grey : data[i + Math.floor(j / size)]) / 255;
  });
}
