// The page of a real sonde-collector in a real browser: what a reader sees and does, and what hostile names cannot do.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { clickFrame, expectTooltip, inspectCanvas, openPage, startBrowser, turnTo } from "./browser.mjs";
import { startCollector } from "./collector.mjs";
import { Pusher } from "./profiles.mjs";
import { fillShop, HOSTILE_SERVICE, IMAGE, SCRIPT } from "./shop.mjs";

let collector, browser, pusher, shared;
const views = [];

// A page of its own with `options`, else the shared one, turned to the address as Back would.
async function open(address, options) {
  if (!options && shared) {
    await turnTo(shared.page, address);
    return shared;
  }
  const view = await openPage(browser, collector.http, address, options);
  views.push(view);
  if (!options) shared = view;
  return view;
}

before(async () => {
  collector = await startCollector(process.env.SONDE_COLLECTOR);
  browser = await startBrowser();
  pusher = new Pusher(process.env.SONDE_PROTO_ROOT, collector.grpc);
});

after(async () => {
  pusher?.close();
  await browser?.close();
  const code = await collector?.stop();
  if (collector) assert.equal(code, 0, "sonde-collector stops cleanly");
});

test("an empty store says what to do, and the page fills by itself", async () => {
  const { page, problems } = await open("/");
  await page.getByRole("heading", { name: /Nothing stored/ }).waitFor();
  assert.match(await page.locator("main").innerText(), /agentctl status/);
  await fillShop(pusher);
  await page.locator(".flame canvas").waitFor();
  for (const problem of problems.splice(0)) assert.match(problem, /^status 404/);
});

test("the graph draws and says what it covers", async () => {
  const { page } = await open("/?service=checkout");
  await page.locator(".flame canvas").waitFor();
  const { colors, painted } = await inspectCanvas(page);
  assert.ok(colors > 10, `${colors} colours`);
  assert.ok(painted > 0.2, `${painted} of the canvas is painted`);
  assert.match(await page.locator(".coverage").innerText(), /1 profile · 10\.0 s of thread time/);
  assert.match(await page.getByRole("note").first().innerText(), /lost: 7 samples/);
  await expectTooltip(page, 1, 0.1, /main\s+\/usr\/bin\/shop[^]*total\s+6\.00 s\s+60\.0%\s+60\.0%/);
});

test("a click zooms, the address tells, Back undoes, and a copied address shows the same", async () => {
  const { page } = await open("/?service=checkout");
  await clickFrame(page, 2, 0.2);
  await page.waitForURL(/zoom=/);
  const zoomed = page.locator(".crumbs [aria-current]");
  assert.equal(await zoomed.innerText(), "work");
  const copy = await open(page.url().slice(collector.http.length), {});
  assert.equal(await copy.page.locator(".crumbs [aria-current]").innerText(), "work");
  await page.goBack();
  await page.waitForURL((url) => !url.search.includes("zoom="));
  assert.equal(await zoomed.innerText(), "everything");
});

test("search shows the matched share, of all and of the zoomed frame", async () => {
  const { page } = await open("/?service=checkout");
  await page.locator(".flame canvas").waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("^work$|mem(cpy|set)");
  await page.getByText("matched 50.0% of view").waitFor();
  await clickFrame(page, 1, 0.3);
  await page.getByText("matched 83.3% of view").waitFor();
  assert.match(page.url(), /search=/);
  await page.getByRole("searchbox").fill("idle_loop(");
  await page.getByText("as plain text").waitFor();
  await page.keyboard.press("Escape");
  await page.getByText("matched").waitFor({ state: "detached" });
});

test("recursion counts once in the table, and picking a row picks its frames out", async () => {
  const { page } = await open("/?service=checkout&top_by=total");
  const row = page.locator(".functions").getByRole("row", { name: /^work/ });
  assert.match(await row.innerText(), /0 s\s+0%\s+5\.00 s\s+50\.0%/);
  await row.getByRole("button").click();
  await page.getByText("matched 50.0% of view").waitFor();
  await page.waitForURL(/fn=work/);
});

test("the keyboard alone walks, zooms and returns", async () => {
  const { page } = await open("/?service=checkout");
  await page.locator(".flame canvas").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
  await page.getByText("idle_loop, total 4.00 s, 40.0% of view").waitFor({ state: "attached" });
  await page.keyboard.press("Enter");
  await page.waitForURL(/zoom=/);
  await page.keyboard.press("0");
  await page.waitForURL((url) => !url.search.includes("zoom="));
});

test("waits can stand under their reasons, and are counted", async () => {
  const { page } = await open("/?service=checkout&kind=offcpu");
  await page.locator(".flame canvas").waitFor();
  await page.keyboard.press("g");
  await page.waitForURL(/root=reason/);
  assert.equal(await page.getByLabel("Group").inputValue(), "reason");
  await expectTooltip(page, 1, 0.3, /disk[^]*total\s+30\.0 s\s+75\.0%[^]*1 wait ended; 30\.0 s of this time for each/);
  await expectTooltip(page, 1, 0.9, /run-queue[^]*total\s+10\.0 s\s+25\.0%/);
});

test("memory that grew is told in bytes, without reasons", async () => {
  const { page } = await open("/?service=checkout");
  await page.getByRole("button", { name: "Faults", exact: true }).click();
  await page.waitForURL(/kind=faults/);
  await page.getByRole("heading", { name: "Faults · checkout" }).waitFor();
  await page.locator(".flame canvas").waitFor();
  assert.match(await page.locator(".coverage").innerText(), /4\.00 MiB brought by page faults · 68\.3 KiB a second/);
  assert.equal(await page.getByLabel("Group").getByText("reason").count(), 0);
  await expectTooltip(page, 2, 0.3, /fill_cache[^]*growth[^]*total\s+3\.00 MiB\s+75\.0%/);
});

test("the overview divides a service's time, and selects it by a click", async () => {
  const { page } = await open("/");
  const row = page.getByRole("region", { name: "Where the time went" }).getByRole("row", { name: /checkout/ });
  assert.match(await row.innerText(), /60\.0 s\s+100%\s+10\.0 s\s+100%\s+30\.0 s\s+100%[^]*100 s\s+100%$/);
  const division = await row.getByRole("img").getAttribute("aria-label");
  assert.equal(division, "On CPU 60.0%, Run queue 10.0%, Disk 30.0%");
  await row.click();
  await page.waitForURL(/service=checkout/);
  await page.getByRole("heading", { name: "On-CPU · checkout" }).waitFor();
});

test("hostile names are text", async () => {
  const { page } = await open(`/?${new URLSearchParams({ service: HOSTILE_SERVICE })}`);
  for (const name of [SCRIPT, IMAGE, "safe\\u202egpj.exe", "\\u001b[31mred\\u001b[0m"]) {
    await page.locator(".functions").getByRole("button", { name, exact: true }).waitFor();
  }
  assert.match(await page.title(), /^On-CPU · <b>"bold"<\/b> & 'co' · Sonde$/);
  assert.equal(await page.locator("main img, main script, main b").count(), 0);
  await expectTooltip(page, 2, 0.1, /<script>|<img|safe|red/);
});

test("dark follows the system", async () => {
  const { page } = await open("/?service=checkout", { colorScheme: "dark" });
  await page.locator(".flame canvas").waitFor();
  const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const brightest = Math.max(...background.match(/\d+/g).map(Number));
  assert.ok(brightest < 40, background);
  assert.ok((await inspectCanvas(page)).colors > 10);
});

test("a narrow window scrolls in one direction only", async () => {
  const { page } = await open("/?service=checkout", { viewport: { width: 390, height: 844 } });
  await page.locator(".flame canvas").waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
});

test("the window can be downloaded as pprof", async () => {
  const { page } = await open("/?service=checkout");
  await page.keyboard.press("e");
  const href = await page.getByRole("link", { name: "pprof" }).getAttribute("href");
  const response = await page.request.get(collector.http + href);
  assert.equal(response.status(), 200);
  assert.ok(gunzipSync(await response.body()).includes("idle_loop"));
});

test("no page logged an error or asked another origin", () => {
  const problems = views.flatMap((view) => view.problems);
  assert.deepEqual(problems, []);
});
