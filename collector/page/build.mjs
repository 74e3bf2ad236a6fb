// Bundles the page and writes what assets.h promises: OUT/assets.S (one .incbin for each gzip file) and OUT/assets.cpp
// (the table), plus the unit tests as plain modules in OUT/test. Run in the build tree: node build.mjs OUT.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";

const MAX_SCRIPT_BYTES = 150_000; // Preact is 14,000 of them
const BANNER =
  "/*! Contains Preact (https://preactjs.com), MIT License, Copyright (c) 2015-present Jason Miller */";
const out = resolve(process.argv[2] ?? "out");
mkdirSync(out, { recursive: true });

const digest = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

async function bundlePage() {
  const result = await build({
    entryPoints: { page: "src/main.tsx" },
    bundle: true,
    minify: true,
    format: "esm",
    target: ["chrome123", "firefox120", "safari17.5"],
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "eof",
    banner: { js: BANNER },
    outdir: out,
    write: false,
    logLevel: "warning",
  });
  if (result.warnings.length > 0) throw new Error("warnings are errors in the page");
  const file = (suffix) => Buffer.from(result.outputFiles.find((f) => f.path.endsWith(suffix)).contents);
  return { script: file(".js"), style: file(".css") };
}

async function bundleTests() {
  const tests = readdirSync("src", { recursive: true }).filter((name) => name.endsWith(".test.ts"));
  await build({
    entryPoints: tests.map((name) => join("src", name)),
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node18",
    outExtension: { ".js": ".mjs" },
    outdir: join(out, "test"),
    logLevel: "warning",
  });
}

function named(stem, suffix, contentType, bytes) {
  return { path: `/assets/${stem}-${digest(bytes)}${suffix}`, file: `${stem}${suffix}.gz`, contentType, bytes };
}

function collect({ script, style }) {
  const icon = named("icon", ".svg", "image/svg+xml", readFileSync("icon.svg"));
  const js = named("page", ".js", "text/javascript; charset=utf-8", script);
  const css = named("page", ".css", "text/css; charset=utf-8", style);
  const html = readFileSync("index.html", "utf8")
    .replace("@ICON@", icon.path)
    .replace("@STYLE@", css.path)
    .replace("@SCRIPT@", js.path);
  const index = { path: "/", file: "index.html.gz", contentType: "text/html; charset=utf-8", bytes: Buffer.from(html) };
  return [index, js, css, icon];
}

function writeAssets(assets) {
  let assembly = '.section .rodata,"a"\n';
  let rows = "";
  let externs = "";
  assets.forEach((asset, i) => {
    const gzip = gzipSync(asset.bytes, { level: 9 });
    const file = join(out, asset.file);
    const begin = `sonde_page_asset_${i}`;
    writeFileSync(file, gzip);
    assembly += `.hidden ${begin}, ${begin}_end\n.global ${begin}, ${begin}_end\n.balign 16\n`;
    assembly += `${begin}:\n.incbin ${JSON.stringify(file)}\n${begin}_end:\n.byte 0\n`;
    externs += `extern "C" const char ${begin}[];\nextern "C" const char ${begin}_end[];\n`;
    rows += `      {"${asset.path}", "${asset.contentType}", Bytes(${begin}, ${begin}_end), "\\"${digest(gzip)}\\""},\n`;
  });
  writeFileSync(join(out, "assets.S"), `${assembly}.section .note.GNU-stack,"",@progbits\n`);
  writeFileSync(
    join(out, "assets.cpp"),
    `// Written by build.mjs.
#include "collector/page/assets.h"

#include <cstddef>

${externs}
namespace sonde::page {
namespace {

std::string_view Bytes(const char* begin, const char* end) { return {begin, static_cast<size_t>(end - begin)}; }

}  // namespace

std::span<const Asset> Assets() {
  static const Asset kAssets[] = {
${rows}  };
  return kAssets;
}

}  // namespace sonde::page
`,
  );
}

const page = await bundlePage();
if (page.script.length > MAX_SCRIPT_BYTES) {
  throw new Error(`the script has ${page.script.length} bytes, more than the ${MAX_SCRIPT_BYTES} the page may weigh`);
}
writeAssets(collect(page));
await bundleTests();
