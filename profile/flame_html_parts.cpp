#include "profile/flame_html_parts.h"

namespace sonde::profile {

const std::string_view kFlameStyle = R"css(
:root { color-scheme: light dark; font: 14px system-ui, sans-serif; }
body { margin: 0; background: Canvas; color: CanvasText; }
header { display: flex; flex-wrap: wrap; gap: 12px; align-items: baseline; padding: 8px 12px; }
h1 { font-size: 16px; margin: 0; }
canvas { display: block; width: 100%; cursor: pointer; }
#tip { position: fixed; display: none; max-width: 70vw; padding: 4px 8px; background: Canvas;
  color: CanvasText; border: 1px solid GrayText; border-radius: 4px; white-space: pre-wrap;
  overflow-wrap: anywhere; pointer-events: none; }
)css";

const std::string_view kFlameBody = R"html(
<input id="search" type="search" placeholder="Search (/)" aria-label="Search functions">
<button id="reset" type="button">Show all (Esc)</button><span id="found" role="status"></span></header>
<canvas id="graph" role="img" aria-label="Flame graph; the root is at the top"></canvas>
<div id="tip" role="tooltip"></div>
)html";

const std::string_view kFlameScript = R"js(
"use strict";
const ROW = 18, LEAST = 0.5;
const {names, files, depth, total, name, file, unit} = data, inlined = new Set(data.inlined);
const at = (id) => document.getElementById(id);
const canvas = at("graph"), tip = at("tip"), count = depth.length;
const left = new Float64Array(count), parent = new Int32Array(count).fill(-1), rows = [];
{
  const next = [0], path = [];
  for (let i = 0; i < count; ++i) {
    const d = depth[i];
    left[i] = next[d] || 0;
    next[d] = left[i] + total[i];
    next[d + 1] = left[i];
    path[d] = i;
    if (d > 0) parent[i] = path[d - 1];
    (rows[d] = rows[d] || []).push(i);
  }
}
let zoom = 0, matched = null;

function scaled(value, steps, words) {
  let i = 0;
  while (i + 1 < words.length && value >= steps[i]) value /= steps[i++];
  return (i === 0 ? value : value.toPrecision(3)) + " " + words[i];
}
function show(value) {
  if (unit === "nanoseconds") return scaled(value, [1e3, 1e3, 1e3], ["ns", "µs", "ms", "s"]);
  if (unit === "bytes") return scaled(value, [1024, 1024, 1024], ["B", "KiB", "MiB", "GiB"]);
  return value.toLocaleString("en");
}
function hue(text) {
  if (text === "[kernel.kallsyms]") return 20;
  let hash = 2166136261;
  for (const c of text) hash = Math.imul(hash ^ c.codePointAt(0), 16777619) >>> 0;
  return 60 + hash % 270;
}
const hues = files.map(hue);
function isAbove(node, below) {
  for (; below >= 0; below = parent[below]) if (below === node) return true;
  return false;
}
// Where a node is drawn: [x, width] in CSS pixels, or null.
function place(node, width) {
  if (depth[node] <= depth[zoom]) return isAbove(node, zoom) ? [0, width] : null;
  const x = (left[node] - left[zoom]) / total[zoom] * width, w = total[node] / total[zoom] * width;
  return w < LEAST || x + w <= 0 || x >= width ? null : [x, w];
}
function draw() {
  const width = canvas.clientWidth, ratio = window.devicePixelRatio || 1;
  canvas.style.height = rows.length * ROW + "px";
  canvas.width = width * ratio;
  canvas.height = rows.length * ROW * ratio;
  const ctx = canvas.getContext("2d"), dark = matchMedia("(prefers-color-scheme: dark)").matches;
  ctx.scale(ratio, ratio);
  ctx.font = "11px monospace";
  ctx.textBaseline = "middle";
  const letter = ctx.measureText("m").width;
  for (let i = 0; i < count; ++i) {
    const box = place(i, width);
    if (!box) continue;
    const [x, w] = box, y = depth[i] * ROW, hit = matched && matched.has(i);
    ctx.fillStyle = hit ? "#e11d74" : `hsl(${hues[file[i]]}, ${matched ? 8 : 55}%, ${dark ? 32 : 78}%)`;
    ctx.fillRect(x, y, Math.max(w - 0.5, LEAST), ROW - 1);
    const room = Math.floor((w - 6) / letter);
    if (room < 3) continue;
    const text = names[name[i]];
    ctx.fillStyle = hit || dark ? "#fff" : "#111";
    ctx.fillText(text.length <= room ? text : text.slice(0, room - 1) + "…", x + 3, y + ROW / 2);
  }
}
function nodeAt(event) {
  const box = canvas.getBoundingClientRect();
  for (const node of rows[Math.floor((event.clientY - box.top) / ROW)] || []) {
    const where = place(node, box.width);
    if (where && event.clientX - box.left >= where[0] && event.clientX - box.left < where[0] + where[1]) return node;
  }
  return -1;
}
function percent(part) { return total[0] > 0 ? (100 * part / total[0]).toFixed(1) + "%" : "-"; }
function search(word) {
  matched = word === "" ? null : new Set();
  let sum = 0;
  for (let i = 0; matched && i < count; ++i) {
    if (!names[name[i]].toLowerCase().includes(word.toLowerCase())) continue;
    let above = parent[i];
    while (above >= 0 && !matched.has(above)) above = parent[above];
    if (above < 0) sum += total[i];
    matched.add(i);
  }
  at("found").textContent = matched ? `${matched.size} frames, ${show(sum)}, ${percent(sum)}` : "";
  draw();
}
function zoomTo(node) { zoom = node; draw(); }
canvas.addEventListener("click", (event) => { const node = nodeAt(event); if (node >= 0) zoomTo(node); });
canvas.addEventListener("mousemove", (event) => {
  const node = nodeAt(event);
  tip.style.display = node < 0 ? "none" : "block";
  if (node < 0) return;
  tip.textContent = [names[name[node]] + (inlined.has(node) ? " (inlined)" : ""), files[file[node]], `${show(total[node])}, ${percent(total[node])}`]
    .filter((line) => line !== "").join("\n");
  tip.style.left = Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 4) + "px";
  tip.style.top = Math.min(event.clientY + 12, innerHeight - tip.offsetHeight - 4) + "px";
});
canvas.addEventListener("mouseleave", () => { tip.style.display = "none"; });
at("reset").addEventListener("click", () => zoomTo(0));
at("search").addEventListener("input", (event) => search(event.target.value));
addEventListener("keydown", (event) => {
  if (event.key === "Escape") { at("search").value = ""; search(""); zoomTo(0); }
  if (event.key === "/" && document.activeElement !== at("search")) { event.preventDefault(); at("search").focus(); }
});
addEventListener("resize", draw);
draw();
)js";

}  // namespace sonde::profile
