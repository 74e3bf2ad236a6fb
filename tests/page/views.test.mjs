// Every view and key of the page in a real browser, its exports, its accessibility, and who may ask the collector.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { countDrawing, expectTooltip, openPage, placeOf, pressed, saved, startBrowser, turnTo } from "./browser.mjs";
import { startCollector } from "./collector.mjs";
import { fillMarket, MARKET, NOON_ZONE } from "./market.mjs";
import { Pictures } from "./pictures.mjs";
import { Pusher } from "./profiles.mjs";
import { doTasks, tasksIn } from "./tasks.mjs";
import { AFTER, BEFORE, fillReleases, fillShop, HOSTILE_SERVICE, pushForest } from "./shop.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const ROOT = process.env.SONDE_PROTO_ROOT; // of the repository
const RELEASE = `/?${new URLSearchParams({ service: "release", from: AFTER.from, to: AFTER.to })}`;

let collector, browser, pusher, view, page;

before(async () => {
  collector = await startCollector(process.env.SONDE_COLLECTOR);
  pusher = new Pusher(ROOT, collector.grpc);
  await fillShop(pusher);
  await fillReleases(pusher);
  await fillMarket(pusher);
  await pushForest(pusher);
  browser = await startBrowser();
  view = await openPage(browser, collector.http, "/?service=checkout", {
    permissions: ["clipboard-read", "clipboard-write"],
  });
  page = view.page;
});

after(async () => {
  pusher?.close();
  await browser?.close();
  await collector?.stop();
});

const shows = (pattern) => page.waitForURL((url) => pattern.test(url.search));
const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
const tableRow = (name) => page.locator(".functions").getByRole("row", { name });

test("keys 1 to 7 show the views, and each has its button", async () => {
  await turnTo(page, "/?service=checkout");
  for (const [key, name, there] of [
    ["2", "table", ".functions.wide"],
    ["3", "sandwich", ".sandwich"],
    ["4", "time", ".chart canvas"],
    ["5", "diff", "[aria-label='Base of the difference']"],
    ["6", "waits", ".notice"],
    ["7", "tree", "[role=treegrid]"],
    ["1", "", ".split canvas"],
  ]) {
    await page.keyboard.press(key);
    await page.locator(there).first().waitFor();
    assert.equal(new URL(page.url()).searchParams.get("view") ?? "", name);
    assert.equal(
      await pressed(page, "View"),
      await page
        .getByRole("group", { name: "View" })
        .getByRole("button")
        .nth(key - 1)
        .innerText(),
    );
  }
  view.problems.splice(0).forEach((problem) => assert.match(problem, /^status 404/)); // there is no base for the difference
});

test("one function stands between its callers and what it calls, and a click turns to another", async () => {
  await turnTo(page, "/?service=checkout&view=sandwich&fn=work");
  assert.match(await page.locator(".pivot").innerText(), /work\s+total 5\.00 s \(50\.0%\) · self 0 s \(0%\)/);
  const [callers, callees] = await page.locator(".sandwich canvas").all();
  assert.match(await callers.getAttribute("aria-label"), /^Callers of work/);
  const box = await callees.boundingBox();
  await page.mouse.click(box.x + 20, box.y + 50); // work → work → memcpy
  await page.getByText("memcpy", { exact: true }).first().waitFor();
  await shows(/fn=memcpy/);
  await page.goBack();
  await shows(/fn=work/);
});

test("a difference is told with its sign, on the scale that is asked for", async () => {
  await turnTo(page, `${RELEASE}&view=diff&base_from=${BEFORE.from}&base_to=${BEFORE.to}`);
  await page.locator(".changes").waitFor();
  assert.match(await tableRow(/parse/).innerText(), /−6\.00 s\s+50\.0% → 20\.0%/);
  assert.match(await tableRow(/cache/).innerText(), /\+4\.00 s\s+0% → 20\.0%/);
  assert.match(await tableRow(/parse/).getByRole("cell").first().getAttribute("title"), /10\.0 s before, 4\.00 s now; chance/);
  await page.getByLabel("Scale").selectOption("rate");
  await shows(/scale=rate/);
  await page.locator(".changes").getByText("−1.00 s").first().waitFor();
  await expectTooltip(page, 2, 0.1, /render\s[^]*before\s+5\.00 s[^]*now\s+12\.0 s[^]*\+7\.00 s/);
});

test("waits are told by reason, with where and what to do", async () => {
  await turnTo(page, "/?service=checkout&kind=offcpu&view=waits");
  const disk = page.getByRole("row", { name: /^disk/ });
  assert.match(await disk.innerText(), /file system above it[^]*30\.0 s\s+75\.0%\s+1\s+30\.0 s[^]*read_file/);
  await disk.locator(".lengths").waitFor();
  assert.match(await disk.locator(".lengths").innerText(), /^p50\s+≈ (29.8|30.0) s[^]*longest\s+≈ 30.0 s$/);
  const counted = page.getByRole("row", { name: /^run-queue/ }).locator(".lengths");
  assert.match(await counted.innerText(), /^p50\s+12\.\d s[^]*p99\s+17\.\d s\s+longest\s+17\.2 s$/);
  await page.getByText("Some lengths (≈) are estimates").waitFor();
  await disk.getByRole("button", { name: "read_file" }).click();
  await shows(/reasons=disk/);
  assert.match(
    await page.locator(".coverage").innerText(),
    /30\.0 s of thread time[^]*filters leave 75\.0% of 40\.0 s/,
  );
});

test("time is stacked by reason, and a range of it is chosen by dragging", async () => {
  await turnTo(page, "/?service=checkout&kind=offcpu&view=time&overview=shut");
  const chart = page.getByRole("img", { name: /^Threads by what their time went to: / });
  assert.match(await chart.getAttribute("aria-label"), /Run queue 0\.0\d+ on average, Disk 0\.\d+ on average$/);
  const heat = page.getByRole("img", { name: /^Heat map of waits by length/ });
  assert.match(await heat.getAttribute("aria-label"), /from 8\.59 s to 34\.4 s$/);
  const box = await page.locator(".chart canvas").boundingBox();
  const [left, width] = [box.x + 64, box.width - 64 - 28]; // of the picture between its axes
  await page.mouse.move(left + 0.4 * width, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(left + width - 2, box.y + 40, { steps: 3 });
  await page.mouse.up();
  await shows(/[?&]from=\d+/);
  const { from, to } = Object.fromEntries(new URL(page.url()).searchParams);
  assert.ok(Math.abs((to - from) / 900_000 - 0.6) < 0.02, `${to - from} ms`);
  await page.getByLabel("Divide by").selectOption("service_name");
  await page.getByRole("img", { name: /^Off-CPU over time: checkout/ }).waitFor();
});

test("filters leave the stacks that they name, and say what share that is", async () => {
  await turnTo(page, "/?service=checkout&kind=wall");
  await page.keyboard.press("\\");
  await page.getByRole("button", { name: /^on-cpu/ }).click();
  await shows(/reasons=on-cpu/);
  assert.match(await page.locator(".coverage").innerText(), /filters leave 60\.0% of 100 s/);
  await page.getByLabel("Without").fill("memcpy");
  await page.keyboard.press("Enter");
  await page.getByText("No stack is left").waitFor();
  await page.getByRole("button", { name: "Clear filters" }).first().click();
  await page.getByLabel("Labels").fill('service_name=~"check.*"');
  await page.keyboard.press("Enter");
  await shows(/labels=/);
  await page.getByText("100 s of thread time").waitFor();
  await page.getByLabel("Labels").fill("no matcher");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").waitFor();
  view.problems.splice(0).forEach((problem) => assert.match(problem, /^status 400/));
});

test("keys act on the frame that is pointed at, and its menu has the same", async () => {
  await turnTo(page, "/?service=checkout");
  const { x, y } = await placeOf(page, 2, 0.1);
  await page.mouse.move(x, y);
  await page.getByRole("tooltip").waitFor();
  await page.keyboard.press("y");
  assert.equal(await clipboard(), "work");
  await page.keyboard.press("Y");
  assert.equal(await clipboard(), "main;work");
  await page.keyboard.press("x");
  await shows(/ignore=%5Ework%24/);
  await page.goBack();
  await page.mouse.click(x, y, { button: "right" });
  await page.getByRole("menuitem", { name: "Only stacks with it" }).click();
  await shows(/focus=%5Ework%24/);
  await page.getByText("filters leave 50.0%").waitFor();
  await turnTo(page, "/?service=checkout");
  await page.mouse.move(x, y);
  await page.getByRole("tooltip").waitFor();
  await page.keyboard.press("C");
  await shows(/fold=work/);
  assert.match(await tableRow(/^work/).innerText(), /5\.00 s\s+50\.0%\s+5\.00 s\s+50\.0%/);
  await page.getByRole("button", { name: "folded: work" }).click();
  await tableRow(/^memcpy/).waitFor();
  await page.keyboard.down("Control");
  await page.mouse.move(x, y);
  await page.mouse.wheel(0, -100);
  await page.locator(".crumbs [aria-current]", { hasText: "main" }).waitFor();
  await page.waitForTimeout(200); // what a touchpad sends in a tenth of a second is one step
  await page.mouse.wheel(0, 100);
  await page.locator(".crumbs [aria-current]", { hasText: "everything" }).waitFor();
  await page.keyboard.up("Control");
  await page.keyboard.down("Alt");
  await page.mouse.click(x, y);
  await page.keyboard.up("Alt");
  await shows(/ignore=%5Ework%24/);
  await turnTo(page, "/?service=checkout");
  await page.locator(".flame canvas").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("m");
  await page.getByRole("menu", { name: "What to do with main" }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("s");
  await shows(/fn=main.*view=sandwich|view=sandwich.*fn=main/);
});

test("the page's search comes in the place of the browser's, which sees no canvas", async () => {
  await turnTo(page, "/?service=checkout");
  await page.keyboard.press("Control+f");
  assert.equal(await page.getByRole("searchbox").evaluate((field) => field === document.activeElement), true);
  await page.keyboard.type("work");
  await page.getByText("matched 50.0% of view").waitFor();
  await page.getByRole("searchbox").fill("WORK");
  await page.getByText("matched 0% of view").waitFor();
});

test("any two instants are a time to look at", async () => {
  await turnTo(page, "/?service=release");
  await page.keyboard.press("T");
  const dialog = page.getByRole("dialog", { name: "Which time" });
  const local = (ms) => new Date(ms - 60_000 * new Date(ms).getTimezoneOffset()).toISOString().slice(0, 19);
  await dialog.getByLabel("From").fill(local(BEFORE.to));
  await dialog.getByLabel("to", { exact: true }).fill(local(BEFORE.from));
  assert.ok(await dialog.getByRole("button", { name: "Show" }).isDisabled());
  await dialog.getByLabel("From").fill(local(BEFORE.from));
  await dialog.getByLabel("to", { exact: true }).fill(local(BEFORE.to));
  await page.keyboard.press("Enter");
  await shows(new RegExp(`from=${Math.floor(BEFORE.from / 1000)}000`));
  await page.getByText("10.0 s of thread time").waitFor();
  assert.equal(await dialog.isVisible(), false);
});

test("finds follow each other by key", async () => {
  await turnTo(page, "/?service=checkout&search=work");
  for (const [key, said] of [
    ["n", "work, total 5.00 s"],
    ["n", "work, total 5.00 s"],
    ["N", "work, total 5.00 s"],
  ]) {
    await page.keyboard.press(key);
    await page.locator("[aria-live]").getByText(said).waitFor({ state: "attached" });
  }
});

test("direction, recursion, colour, group, theme and kind change by key", async () => {
  await turnTo(page, "/?service=checkout&kind=offcpu");
  for (const [key, pattern] of [
    ["i", /inverted=1/],
    ["r", /recursion=direct/],
    ["a", /case=1/],
    ["c", /color=kind/],
    ["g", /root=reason/],
    ["D", /theme=light/],
    ["D", /theme=dark/],
    ["o", /overview=shut/],
    ["w", /bars=busy/],
    ["k", /kind=wall/],
    ["b", /base_from=/],
    ["h", /[?&]from=/],
  ]) {
    await page.keyboard.press(key);
    await shows(pattern);
  }
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  await turnTo(page, "/?service=checkout&kind=offcpu&color=reason&root=process"); // whose tree knows no reasons
  assert.equal(await page.getByLabel("Colour").inputValue(), "file");
});

test("the time moves and stretches by key", async () => {
  const window = () => ["from", "to"].map((end) => Number(new URL(page.url()).searchParams.get(end)));
  await turnTo(page, `/?from=${BEFORE.from}&to=${BEFORE.to}&service=release`);
  await page.keyboard.press("]");
  await shows(new RegExp(`from=${BEFORE.to}`));
  await page.keyboard.press("[");
  await shows(new RegExp(`from=${BEFORE.from}`));
  await page.keyboard.press("+");
  await page.waitForFunction((from) => !location.search.includes(from), String(BEFORE.from));
  assert.equal(window()[1] - window()[0], 30_000);
  await page.keyboard.press("-");
  await shows(new RegExp(`from=${BEFORE.from}`));
  view.problems.splice(0).forEach((problem) => assert.match(problem, /^status 404/)); // nothing is stored just after it
});

test("the tree opens, shuts and zooms by arrow keys", async () => {
  await turnTo(page, "/?service=checkout&view=tree");
  const current = page.locator("[role=treegrid] tbody tr[tabindex='0']");
  await current.focus();
  await page.keyboard.press("ArrowDown");
  assert.match(await current.innerText(), /main/);
  assert.equal(await current.getAttribute("aria-expanded"), "true");
  await page.keyboard.press("ArrowLeft");
  await page.waitForFunction(() => document.querySelector("tbody tr[tabindex='0']").ariaExpanded === "false");
  await page.keyboard.press("Enter");
  await shows(/zoom=/);
});

test("help tells every key and every reason", async () => {
  await turnTo(page, "/?service=checkout");
  await page.keyboard.press("?");
  const dialog = page.getByRole("dialog", { name: "Keys and reading" });
  await dialog.getByText("kernel-lock", { exact: true }).waitFor();
  assert.match(await dialog.innerText(), /Each box is a function/);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
});

test("what is shown can be saved for other tools, and its address copied", async () => {
  await turnTo(page, "/?service=checkout&ignore=idle_loop");
  await page.keyboard.press("u");
  assert.match(await clipboard(), /service=checkout.*ignore=idle_loop|from=\d+/);
  await page.keyboard.press("e");
  const folded = await saved(page, "Folded stacks");
  assert.equal(folded.name, "cpu-checkout.folded");
  assert.deepEqual(folded.text.trim().split("\n").sort(), ["main 1000000000", "main;work;work;memcpy 5000000000"]);
  const speedscope = JSON.parse((await saved(page, "speedscope")).text);
  assert.equal(speedscope.profiles[0].endValue, 6e9);
  assert.match((await saved(page, "SVG")).text, /<title>memcpy \(libc\.so\.6\): 5\.00 s/);
  await page.keyboard.press("Escape");
});

test("a saved page shows hostile names without a collector, and asks nobody", async () => {
  await turnTo(page, `/?${new URLSearchParams({ service: HOSTILE_SERVICE })}`);
  await page.keyboard.press("e");
  const { path } = await saved(page, "HTML");
  await page.keyboard.press("Escape");
  const file = await openPage(browser, "null", `file://${path}`);
  await file.page.locator(".flame canvas").waitFor();
  await file.page.locator(".functions").getByText('<script>document.title="taken"</script>').waitFor();
  await file.page.keyboard.press("7");
  await file.page.locator("[role=treegrid]").waitFor();
  assert.notEqual(await file.page.title(), "taken");
  assert.deepEqual(
    file.problems.filter((problem) => !problem.startsWith("request: file:")),
    [],
  );
  await file.close();
});

test("fifty thousand frames are drawn by what is in sight", async (t) => {
  await turnTo(page, "/?service=forest&nodes=50000");
  const nodes = Number(/([\d,]+) frames/.exec(await page.locator(".coverage").innerText())[1].replaceAll(",", ""));
  assert.ok(nodes > 40_000, `${nodes} frames`);
  const { rectangles, ms } = await countDrawing(page, async () => {
    for (const share of [0.1, 0.3, 0.5, 0.7]) {
      const { x, y } = await placeOf(page, 2, share);
      await page.mouse.move(x, y);
      await page.waitForTimeout(40);
    }
  });
  t.diagnostic(`a repaint of ${nodes} frames: ${rectangles} rectangles, ${ms.toFixed(1)} ms`);
  const { width } = await page.locator(".flame canvas").boundingBox();
  assert.ok(rectangles > 10 && rectangles < 13 * width, `${rectangles} rectangles in 13 rows of ${width} pixels`);
});

test("what is folded together in a cut tree comes out under a filter", async () => {
  await turnTo(page, "/?service=forest");
  const coverage = page.locator(".coverage");
  await coverage.getByText(/folded into “\(other\)”/).waitFor();
  await turnTo(page, "/?service=forest&focus=%5Eworker_7%24&overview=shut");
  await coverage.getByText(/filters leave [12]\.\d+% of/).waitFor();
  await coverage.getByText(/folded into “\(other\)”/).waitFor({ state: "detached" });
});

test("axe finds no serious violation in any view, light and dark", async () => {
  const states = [
    "",
    "&view=table",
    "&view=sandwich",
    "&view=time&kind=wall",
    `&view=diff&base_service=release&base_from=${BEFORE.from}&base_to=${BEFORE.to}`,
    "&view=waits&kind=offcpu",
    "&view=tree&theme=dark",
    "&theme=dark&kind=wall&reasons=disk",
  ];
  await page.evaluate(AXE);
  for (const state of states) {
    await turnTo(page, `/?service=checkout${state}`);
    assert.deepEqual(await violations(), [], state);
  }
  await page.keyboard.press("?");
  assert.deepEqual(await violations(), [], "help");
  await page.keyboard.press("Escape");
});

async function violations() {
  const results = await page.evaluate(() => axe.run({ resultTypes: ["violations"] }));
  return results.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) =>
      nodes.slice(0, 3).map((node) => `${id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`),
    );
}

test("the tasks of the page's document take the keys and clicks that it tells", async () => {
  const told = await doTasks(page);
  assert.deepEqual(told, tasksIn(readFileSync(`${ROOT}/deploy/docs/page.md`, "utf8")));
  view.problems.splice(0).forEach((problem) => assert.match(problem, /^status 404/)); // there is no base a day earlier
});

test("what is where, how large and in which colours is as in the kept pictures", async (t) => {
  const pictures = await Pictures.open(browser, `${ROOT}/tests/page/pictures`);
  const { page, problems, close } = await openPage(browser, collector.http, "/", { timezoneId: NOON_ZONE });
  const orders = `${new URLSearchParams(MARKET)}&service=orders&overview=shut`;
  const look = async (address, width, there) => {
    await page.setViewportSize({ width, height: 800 });
    await turnTo(page, `/?${address}`);
    await page.locator(there).first().waitFor();
    await page.waitForTimeout(100); // canvases are painted with the screen's next frame
  };
  const views = [
    ["overview", `${new URLSearchParams(MARKET)}`, 1280, ".chart canvas"],
    ["flame", orders, 1280, ".flame canvas"],
    ["flame-dark", `${orders}&theme=dark`, 1280, ".flame canvas"],
    ["waits", `${orders}&kind=offcpu&view=waits`, 1280, ".lengths"],
    ["narrow", `${orders}&kind=wall&color=reason`, 390, ".flame canvas"],
  ];
  for (const [name, ...view] of views) {
    await look(...view);
    const difference = await pictures.differenceOf(page, name);
    t.diagnostic(`${name}: ${(100 * difference).toFixed(2)} % of its squares differ`);
    assert.ok(pictures.isAsKept(difference), `${name}: ${100 * difference} % of its squares differ`);
  }
  // A line of the page that is a finger wider, and the other colours, are seen.
  await look(...views[3].slice(1));
  await page.locator(".tools.views").evaluate((line) => (line.style.paddingBottom = "24px"));
  const moved = await pictures.differenceOf(page, "waits");
  await page.locator(".tools.views").evaluate((line) => (line.style.paddingBottom = ""));
  await look(...views[2].slice(1));
  const dark = await pictures.differenceOf(page, "flame");
  t.diagnostic(`with a wider line ${(100 * moved).toFixed(2)} %, dark ${(100 * dark).toFixed(2)} %`);
  assert.ok(!pictures.isAsKept(moved) && !pictures.isAsKept(dark));
  assert.deepEqual(problems, []);
  await close();
});

test("pages of other origins and names of other hosts get nothing", async () => {
  const context = await browser.newContext();
  const other = await context.newPage();
  const refusals = [];
  other.on("response", (response) => refusals.push(response.status()));
  await other.route("http://other.test/**", (route) =>
    route.fulfill({ contentType: "text/html", body: "<p>elsewhere" }),
  );
  await other.goto("http://other.test/");
  const asked = await other.evaluate(
    (url) =>
      Promise.all(
        ["cors", "no-cors"].map((mode) =>
          fetch(url, { mode }).then(
            () => "answered",
            () => "refused",
          ),
        ),
      ),
    `${collector.http}/api/v1/series`,
  );
  assert.deepEqual(asked, ["refused", "refused"]);
  assert.ok(!refusals.slice(1).includes(200), `${refusals}`);
  await context.close();
  const rebound = await page.request.get(`${collector.http}/api/v1/series`, { headers: { host: "rebound.test" } });
  assert.equal(rebound.status(), 421);
});

test("the policy lets nothing inline run, and no page logged an error or asked another origin", async () => {
  const policy = (await page.request.get(collector.http)).headers()["content-security-policy"];
  assert.match(policy, /default-src 'self'/);
  assert.doesNotMatch(policy, /unsafe/);
  assert.deepEqual(view.problems, []);
});
