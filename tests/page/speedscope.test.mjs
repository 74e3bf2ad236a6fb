// What the collector exports for speedscope, opened by speedscope's own loader in the way its command does: files of the
// disk, no network.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { openPage, startBrowser } from "./browser.mjs";
import { startCollector } from "./collector.mjs";
import { Pusher } from "./profiles.mjs";

const RELEASE = join(dirname(createRequire(import.meta.url).resolve("speedscope/package.json")), "dist/release");
const SHOP = "/usr/bin/shop";
const STACKS = [
  { frames: [{ name: "main", file: SHOP }, { name: "pay", file: SHOP }], seconds: 3, reason: "lock" },
  { frames: [{ name: "main", file: SHOP }, { name: "<b>list</b>", file: SHOP }], seconds: 1, reason: "disk" },
];

test("speedscope opens what is exported for it, and tells the same values", async (t) => {
  const collector = await startCollector(process.env.SONDE_COLLECTOR);
  t.after(() => collector.stop());
  const pusher = new Pusher(process.env.SONDE_PROTO_ROOT, collector.grpc);
  t.after(() => pusher.close());
  await pusher.push("offcpu", "checkout", STACKS);
  const answer = await fetch(`${collector.http}/api/v1/export?kind=offcpu&format=speedscope`);
  const file = Buffer.from(await answer.arrayBuffer()).toString("base64");
  const folder = mkdtempSync(join(tmpdir(), "sonde-speedscope-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const script = join(folder, "profile.js");
  writeFileSync(script, `speedscope.loadFileFromBase64("offcpu.speedscope.json", "${file}")`);

  const browser = await startBrowser();
  t.after(() => browser.close());
  const { page, problems } = await openPage(browser, "null", `file://${RELEASE}/index.html#localProfilePath=${script}`);
  await page.getByText("Sandwich").click();
  const rows = page.locator("tr:visible").filter({ has: page.locator("td") });
  await rows.first().waitFor();
  const told = {};
  for (const row of await rows.allInnerTexts()) {
    const [total, self, name] = row.split("\t").map((cell) => cell.trim());
    told[name] = { total, self };
  }
  assert.deepEqual(told, {
    main: { total: "4.00s (100%)", self: "0.00ns (<0.01%)" },
    pay: { total: "3.00s (75%)", self: "3.00s (75%)" },
    "<b>list</b>": { total: "1.00s (25%)", self: "1.00s (25%)" },
  });
  assert.deepEqual(problems, []);
});
