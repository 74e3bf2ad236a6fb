// Runs a real sonde-collector on free ports of loopback, with a store of its own.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const READY_WITHIN_MS = 30_000;

// Resolves to { http, grpc, stop }; rejects with what the collector printed when it does not get ready.
export async function startCollector(program) {
  const store = mkdtempSync(join(tmpdir(), "sonde-page-test-"));
  const flags = ["--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--store", store];
  const child = spawn(program, flags, { stdio: ["ignore", "inherit", "pipe"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const stop = async () => {
    child.kill("SIGTERM");
    const code = await ended;
    rmSync(store, { recursive: true, force: true });
    return code;
  };
  try {
    return { ...(await addresses(child)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function addresses(child) {
  let printed = "";
  return new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`sonde-collector ${why}; it printed:\n${printed}`));
    const timer = setTimeout(() => fail("did not get ready"), READY_WITHIN_MS);
    child.once("error", (error) => (clearTimeout(timer), fail(`does not start: ${error.message}`)));
    child.once("exit", (code, signal) => (clearTimeout(timer), fail(`ended with ${code ?? signal}`)));
    child.stderr.setEncoding("utf8").on("data", (text) => {
      printed += text;
      process.stderr.write(text);
      const ready = /http=(127\.0\.0\.1:\d+) grpc=(127\.0\.0\.1:\d+)/.exec(printed);
      if (!ready) return;
      clearTimeout(timer);
      resolve({ http: `http://${ready[1]}`, grpc: ready[2] });
    });
  });
}
