// What people do with the page, done by the fewest keys and clicks: deploy/docs/page.md tells how many, and holds them
// against other pages. A key or chord, a click, a drag, and a word that is typed count one each; pointing does not.
import { placeOf, turnTo } from "./browser.mjs";

class Hand {
  steps = [];

  constructor(page) {
    this.page = page;
  }

  async key(name) {
    this.steps.push(`\`${name}\``);
    await this.page.keyboard.press(name);
  }

  async type(text) {
    this.steps.push(`“${text}”`);
    await this.page.keyboard.type(text);
  }

  async click(button) {
    await button.waitFor();
    this.steps.push(`[${await button.evaluate(titleOf)}]`);
    await button.click();
  }

  async clickFrame(depth, share) {
    const { x, y } = await placeOf(this.page, depth, share);
    this.steps.push("[the frame]");
    await this.page.mouse.click(x, y);
  }

  async point(depth, share) {
    const { x, y } = await placeOf(this.page, depth, share);
    await this.page.mouse.move(x, y);
    await this.page.getByRole("tooltip").waitFor();
  }

  async drag(surface, from, to) {
    const box = await surface.boundingBox();
    this.steps.push("drag");
    await this.page.mouse.move(box.x + from * box.width, box.y + 40);
    await this.page.mouse.down();
    await this.page.mouse.move(box.x + to * box.width, box.y + 40, { steps: 3 });
    await this.page.mouse.up();
  }
}

// In the browser: what stands on a button or beside a field, without its key and share.
function titleOf(element) {
  const parts = [...(element.closest("label") ?? element).childNodes];
  const words = parts.filter((part) => !["KBD", "INPUT"].includes(part.nodeName) && part.className !== "share");
  return words.map((part) => part.textContent).join("").trim();
}

const button = (page, name) => page.getByRole("button", { name }).first();
const showsAddress = (pattern) => (page) => page.waitForURL((url) => pattern.test(url.search));
const CPU = "/?service=checkout";
const WAITS = "/?service=checkout&kind=offcpu";

// `at`: the view that it begins in. `do`: the keys and clicks. `done`: what is to be seen then.
const TASKS = [
  {
    task: "the top wait of a service yesterday: what for, how long, where",
    at: "/",
    do: async (hand, page) => {
      await hand.click(page.getByRole("row", { name: /^checkout/ }).getByRole("button"));
      await hand.click(button(page, "Off-CPU"));
      await hand.click(button(page, /^Waits/));
      await hand.click(button(page, /^Time T/));
      await hand.click(button(page, "Yesterday"));
    },
    done: (page) => page.getByRole("row", { name: /^receive .*80\.0%.*from_upstream/s }).waitFor(),
  },
  {
    task: "the same without the mouse",
    at: "/",
    do: async (hand) => {
      await hand.key("S");
      await hand.type("checkout");
      for (const key of ["Enter", "k", "6", "T", "Enter"]) await hand.key(key);
    },
    done: (page) => page.getByRole("row", { name: /^receive .*80\.0%.*from_upstream/s }).waitFor(),
  },
  {
    task: "two versions of a service, compared",
    at: "/?service=rollout",
    do: async (hand, page) => {
      await hand.key("\\");
      await hand.type('version="2"');
      await hand.key("Enter");
      await hand.key("5");
      await hand.click(page.getByLabel("Base's labels"));
      await hand.type('version="1"');
      await hand.key("Enter");
    },
    done: (page) => page.locator(".changes").getByRole("row", { name: /cache .*0% → 20\.0%/s }).waitFor(),
  },
  {
    task: "compared with a day earlier",
    at: WAITS,
    do: async (hand, page) => {
      await hand.key("5");
      await hand.click(button(page, "A day earlier"));
    },
    done: showsAddress(/base_from=/),
  },
  {
    task: "a link to exactly this view, its time held, copied",
    at: `${CPU}&ignore=idle_loop`,
    do: (hand) => hand.key("u"),
    done: async (page) => {
      const link = await page.evaluate(() => navigator.clipboard.readText());
      if (!/from=\d+.*ignore=idle_loop/.test(link)) throw new Error(`the link is ${link}`);
    },
  },
  {
    task: "export as pprof",
    at: CPU,
    do: async (hand, page) => {
      await hand.key("e");
      const saved = page.waitForEvent("download");
      await hand.click(page.getByRole("link", { name: "pprof" }));
      await saved;
    },
    done: (page) => page.keyboard.press("Escape"),
  },
  {
    task: "export as a page in one file, for who has no access",
    at: CPU,
    do: async (hand, page) => {
      await hand.key("e");
      const saved = page.waitForEvent("download");
      await hand.click(page.getByRole("dialog").getByRole("button", { name: "HTML" }));
      await saved;
    },
    done: (page) => page.keyboard.press("Escape"),
  },
  {
    task: "search by keyboard: the share of all that matches, and its first frame",
    at: CPU,
    do: async (hand) => {
      await hand.key("/");
      await hand.type("memcpy");
      await hand.key("Enter");
    },
    done: async (page) => {
      await page.getByText("matched 50.0% of view").waitFor();
      await page.locator("[aria-live]").getByText("memcpy, total 5.00 s").waitFor({ state: "attached" });
    },
  },
  { task: "zoom to a frame", at: CPU, do: (hand) => hand.clickFrame(2, 0.2), done: showsAddress(/zoom=/) },
  {
    task: "callers and callees of the frame pointed at",
    at: CPU,
    do: async (hand) => {
      await hand.point(2, 0.1);
      await hand.key("s");
    },
    done: (page) => page.locator(".pivot").getByText("work", { exact: true }).waitFor(),
  },
  {
    task: "without the stacks of the frame pointed at",
    at: CPU,
    do: async (hand) => {
      await hand.point(2, 0.1);
      await hand.key("x");
    },
    done: (page) => page.getByText("filters leave 50.0%").waitFor(),
  },
  {
    task: "the name of the frame pointed at, copied",
    at: CPU,
    do: async (hand) => {
      await hand.point(2, 0.1);
      await hand.key("y");
    },
    done: (page) => page.waitForFunction(async () => (await navigator.clipboard.readText()) === "work"),
  },
  {
    task: "innermost frames first",
    at: CPU,
    do: (hand) => hand.key("i"),
    done: showsAddress(/inverted=1/),
  },
  {
    task: "only one wait reason",
    at: WAITS,
    do: async (hand, page) => {
      await hand.key("\\");
      await hand.click(page.getByRole("group", { name: "Wait reasons" }).getByRole("button", { name: /^disk/ }));
    },
    done: (page) => page.getByText("filters leave 75.0% of 40.0 s").waitFor(),
  },
  { task: "stacks under their wait reasons", at: WAITS, do: (hand) => hand.key("g"), done: showsAddress(/root=reason/) },
  {
    task: "wait reasons over time, and how long waits were",
    at: WAITS,
    do: (hand) => hand.key("4"),
    done: async (page) => {
      await page.getByRole("img", { name: /^Threads by what their time went to: .*Disk/ }).last().waitFor();
      await page.getByRole("img", { name: /^Heat map of waits by length/ }).waitFor();
    },
  },
  {
    task: "the function pointed at over time",
    at: CPU,
    do: async (hand) => {
      await hand.point(2, 0.1);
      await hand.key("v");
    },
    done: (page) => page.getByRole("img", { name: /^On-CPU over time: checkout 0\.0\d+ on average$/ }).waitFor(),
  },
  {
    task: "a part of the time shown",
    at: `${WAITS}&view=time&overview=shut`,
    do: (hand, page) => hand.drag(page.locator(".chart canvas"), 0.5, 0.9),
    done: showsAddress(/[?&]from=\d+/),
  },
  { task: "the same length of time before", at: WAITS, do: (hand) => hand.key("["), done: showsAddress(/[?&]from=\d+/) },
  {
    task: "all keys, and what each wait reason means",
    at: WAITS,
    do: (hand) => hand.key("?"),
    done: async (page) => {
      await page.getByRole("dialog", { name: "Keys and reading" }).getByText("kernel-lock", { exact: true }).waitFor();
      await page.keyboard.press("Escape");
    },
  },
];

// Does them one after the other; of each the task and what stands of it in the table: "3: `a`, `b`, [c]".
export async function doTasks(page) {
  const told = [];
  await shutFilters(page);
  for (const one of TASKS) {
    await turnTo(page, one.at);
    const hand = new Hand(page);
    await one.do(hand, page);
    await one.done(page).catch((error) => {
      throw new Error(`${one.task}, after ${hand.steps.join(", ")}: ${error.message}`);
    });
    if (hand.steps.includes("`\\`")) await shutFilters(page);
    told.push([one.task, `${hand.steps.length}: ${hand.steps.join(", ")}`]);
  }
  return told;
}

// Whether they are open is not in the address.
async function shutFilters(page) {
  await turnTo(page, CPU);
  const filters = page.getByRole("group", { name: "Filters" });
  if ((await filters.count()) > 0) await page.keyboard.press("\\");
  await filters.waitFor({ state: "detached" });
}

// The tasks of the document's table, as doTasks() tells them.
export function tasksIn(markdown) {
  const rows = markdown.split("\n").filter((line) => /^\| [^|]+ \| \d+: /.test(line));
  return rows.map((row) => row.split(" | ").slice(0, 2)).map(([task, ours]) => [task.slice(2), ours]);
}
