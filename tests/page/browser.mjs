// Chromium without a network of its own, and pages that remember what went wrong on them.
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

// Playwright gives it a new profile directory and removes it again.
export function startBrowser() {
  return chromium.launch({ executablePath: process.env.SONDE_CHROMIUM, headless: true, args: FLAGS });
}

// A page in a context of its own. `problems` fills with console errors, exceptions, answers that are errors, and requests
// to other origins.
export async function openPage(browser, origin, address = "/", options = {}) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 1000 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const problems = [];
  const isAnswer = (text) => text.startsWith("Failed to load resource: the server responded"); // told below, with its address
  page.on(
    "console",
    (message) => message.type() === "error" && !isAnswer(message.text()) && problems.push(`console: ${message.text()}`),
  );
  page.on(
    "response",
    (response) => response.status() >= 400 && problems.push(`status ${response.status()}: ${response.url()}`),
  );
  page.on("pageerror", (error) => problems.push(`exception: ${error.message}`));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== origin) problems.push(`request: ${request.url()}`);
  });
  await page.goto(address.startsWith("file:") ? address : origin + address, { waitUntil: "networkidle" }); // nothing moves any more under a click
  return { page, problems, close: () => context.close() };
}

// Another view of the same page, without loading it anew: as Back and Forward do.
export async function turnTo(page, address) {
  await page.mouse.move(0, 0);
  await page.evaluate((to) => {
    document.activeElement?.blur();
    history.pushState(null, "", to);
    dispatchEvent(new PopStateEvent("popstate"));
  }, address);
  await page.evaluate(() => new Promise(requestAnimationFrame)); // what is asked for is known now
  await page.locator("section[aria-busy=false]").waitFor();
}

// The graph's own pixels: how many different colours, and the share of pixels that are painted.
export function inspectCanvas(page) {
  return page.locator(".flame canvas").evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const colors = new Set();
    let painted = 0;
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] === 0) continue;
      painted++;
      colors.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
    }
    return { colors: colors.size, painted: painted / (data.length / 4) };
  });
}

const ROW = 20; // CSS pixels, as collector/page/src/draw.ts paints them

// The place in the window of row `depth` at `share` of the graph's width.
export async function placeOf(page, depth, share) {
  const box = await page.locator(".flame canvas").boundingBox();
  return { x: box.x + share * box.width, y: box.y + (depth + 0.5) * ROW };
}

export async function clickFrame(page, depth, share) {
  const { x, y } = await placeOf(page, depth, share);
  await page.mouse.click(x, y);
}

// Waits until the tooltip over a frame says what `pattern` wants, and fails with what it says instead.
export async function expectTooltip(page, depth, share, pattern) {
  const { x, y } = await placeOf(page, depth, share);
  await page.mouse.move(x, y);
  const tooltip = page.getByRole("tooltip");
  let text = "";
  for (const end = Date.now() + 10_000; Date.now() < end; await page.waitForTimeout(50)) {
    text = await tooltip.innerText();
    if (pattern.test(text)) return;
  }
  throw new Error(`the tooltip says ${JSON.stringify(text)}, not ${pattern}`);
}

// The pressed button of a group.
export function pressed(page, group) {
  return page.getByRole("group", { name: group }).locator("[aria-pressed=true]").innerText();
}

// What the button of the export dialog saves: { name, path, text }.
export async function saved(page, button) {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("dialog", { name: "Export" }).getByRole("button", { name: button }).click(),
  ]);
  const path = `${await download.path()}.${download.suggestedFilename().split(".").pop()}`;
  await download.saveAs(path);
  return { name: download.suggestedFilename(), path, text: readFileSync(path, "utf8") };
}

// The most rectangles and the most time that one repaint took while `act` went on.
export async function countDrawing(page, act) {
  await page.evaluate(() => {
    const { requestAnimationFrame: next, CanvasRenderingContext2D: context } = window;
    const fill = context.prototype.fillRect;
    let drawn = 0;
    window.drawing = { rectangles: 0, ms: 0 };
    context.prototype.fillRect = function (...box) {
      drawn++;
      return fill.apply(this, box);
    };
    window.requestAnimationFrame = (action) =>
      next((now) => {
        drawn = 0;
        const begin = performance.now();
        action(now);
        const { rectangles, ms } = window.drawing;
        window.drawing = { rectangles: Math.max(rectangles, drawn), ms: Math.max(ms, performance.now() - begin) };
      });
  });
  await act();
  return page.evaluate(() => window.drawing);
}
