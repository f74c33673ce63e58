"use strict";
// The model behind the server that sent this page.

async function openSource() {
  const ask = async (name, body) => {
    const options = body === undefined ? {} : { method: "POST", body };
    let response;
    try {
      response = await fetch(`api/${name}`, options);
    } catch {
      throw new Error("The server does not answer. Is entropae explore still running?");
    }
    const found = await response.json();
    if (!response.ok) throw new Error(found.error);
    return found;
  };
  const space = await ask("space");
  const size = space.shape.reduce((a, b) => a * b, 1);
  const plain = (code) => Array.from(code);
  return {
    space,
    async decode(codes) {
      const found = await ask("decode", JSON.stringify({ codes: codes.map(plain) }));
      return rowsOf(unpack(found.values), size);
    },
    async neighbours(code, k) {
      const found = await ask("neighbours", JSON.stringify({ code: plain(code), k }));
      const values = rowsOf(unpack(found.values), size);
      const codes = rowsOf(unpack(found.codes), space.dim);
      return found.distances.map((distance, i) => ({
        distance, code: codes[i], show: (canvas) => paint(canvas, values[i], space),
      }));
    },
    async draw(prior, n) {
      const found = await ask("sample", JSON.stringify({ prior, n }));
      return rowsOf(unpack(found.codes), space.dim);
    },
    async encode(file, invert) {
      const found = await ask(invert ? "encode-inverted" : "encode", file);
      return { values: unpack(found.values), code: unpack(found.codes) };
    },
  };
}
