import { afterAll, beforeAll, expect } from "bun:test";
import type { Page } from "playwright-core";
import { endAll, Ferry, waitUntil } from "../executable.ts";
import { browserTest, closeBrowser, makeUser, openConsole, type Watched } from "./browser.ts";
import { type Estate, makeEstate, type Say } from "./estate.ts";
import { tooWide } from "./layout.ts";

/* What agents and operators may say, said by an enemy: it is shown as text, and nothing else comes of it. */

afterAll(closeBrowser);
afterAll(endAll);

const hostile = [
  "<img src=x onerror=\"document.title='run'\">",
  "\"><script>document.title='run'</script>",
  "'-alert(1)-'</textarea><svg/onload=alert(1)>",
  "javascript:alert(1)",
  "<a href=javascript:alert(1)>x</a>{{7*7}}$(id)`id`",
  "\u202Egnp.exe\u2066\u200F right to left",
  "👩‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿 e\u0301\u0327 \uFFFD",
  "two\nlines\r\nand\ta tab",
  "constructor __proto__ toString",
  "W".repeat(255),
  `<b>${"\u0416".repeat(248)}</b>`,
] as const;

/** Each field says another one of the texts; the first one is a source's name. */
function sayingFrom(first: number): Say {
  let place = first;
  return (_, most = 255) => {
    const text = (hostile[place % hostile.length] ?? "").slice(0, most);
    place += 1;
    return text;
  };
}

let ferry: Ferry;
let estates: Estate[];
beforeAll(async () => {
  ferry = await Ferry.start();
  await makeUser(ferry);
  // Every text comes to stand in every field.
  estates = await Promise.all(hostile.map((_, first) => makeEstate(ferry, sayingFrom(first))));
}, 60_000);

/** A page that keeps what its policy refuses, and what would have run. */
async function openWatched(path: string, width: number): Promise<Watched & { refused: () => Promise<unknown> }> {
  const watched = await openConsole(ferry, path, { viewport: { width, height: 900 } });
  await watched.page.addInitScript(() => {
    const reports: string[] = [];
    Object.assign(window, { reports });
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
      reports.push(`${violatedDirective} ${blockedURI}`);
    });
  });
  await watched.page.goto(path);
  return { ...watched, refused: () => watched.page.evaluate("reports") };
}

/** Nothing of the texts has become a part of the page. */
async function expectText(page: Page): Promise<void> {
  const made = await page.evaluate(() => ({
    scripts: document.querySelectorAll("script").length,
    foreign: document.querySelectorAll("img, iframe, object, embed, textarea, body b b, body svg svg").length,
    handlers: [...document.querySelectorAll("*")].filter((element) =>
      [...element.attributes].some(({ name }) => name.startsWith("on")),
    ).length,
    links: [...document.querySelectorAll("a")].map(({ href }) => href).filter((href) => !/^http:/.test(href)),
    title: document.title,
  }));
  expect(made).toMatchObject({ scripts: 1, foreign: 0, handlers: 0, links: [] });
  expect(made.title).toContain("ferry");
  expect(await tooWide(page)).toEqual([]);
  expect(await turned(page)).toEqual([]);
}

/** What of the console's own words is written from right to left, because a name before it says so. */
const turned = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const found: string[] = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const boxOf = (node: Node, at: number) => {
      const range = document.createRange();
      range.setStart(node, at);
      range.setEnd(node, at + 1);
      return range.getBoundingClientRect();
    };
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const text = node.textContent ?? "";
      if (!/^ ?[a-z]{2,}/i.test(text) || !/^[ -~]+$/.test(text)) continue;
      const start = text.search(/\S/);
      const [first, second] = [boxOf(node, start), boxOf(node, start + 1)];
      if (first.top === second.top && second.left < first.left) found.push(text.slice(0, 40));
    }
    return found;
  });

const shown = (page: Page, text: string) =>
  page.getByText(text, { exact: true }).first().waitFor({ state: "attached" });

async function unfold(page: Page): Promise<void> {
  const closed = page.locator("main details:not([open]):not(.menu) > summary");
  while ((await closed.count()) > 0) await closed.first().click();
}

for (const width of [320, 1280]) {
  browserTest.concurrent(`on every screen, ${width} pixels wide`, async () => {
    const { page, context, quiet, refused } = await openWatched("/console/", width);
    await page.getByText("not reported in time").first().waitFor();
    await expectText(page);
    for (const path of ["sources", "commands"]) {
      await page.goto(`/console/${path}`);
      await shown(page, hostile[0]);
      await shown(page, hostile[5]);
      await expectText(page);
    }
    const read = new Set<string>();
    for (const [place, { failed, running, unready, idle, gone }] of estates.entries()) {
      // Each text in each field; narrow, those with the longest names.
      const isFew = place < 1 || place >= 9;
      if (width === 320 && !isFew) continue;
      for (const id of [failed, idle, unready, ...(isFew ? [running, gone] : [])]) {
        await page.goto(`/console/sources/${id}`);
        await page.locator("[data-row], .empty").first().waitFor();
        if (id !== gone) await page.getByText("As JSON").waitFor();
        await unfold(page);
        await expectText(page);
        if (id === failed) expect(await page.locator("h1").textContent()).toBe(hostile[place]?.slice(0, 64) ?? "");
        const text = (await page.locator("main").textContent()) ?? "";
        for (const said of hostile) if (text.includes(said)) read.add(said);
      }
    }
    // All of each of them, somewhere.
    expect([...read].sort()).toEqual([...hostile].sort());
    expect(await refused()).toEqual([]);
    quiet();
    await context.close();
  });
}

/** A command that was reported with this text as its result_detail. */
async function reported(detail: string): Promise<{ source_id: string; command_id: string }> {
  const source_id = await ferry.registerSource("reporter");
  const { id: command_id } = await ferry.queue(source_id);
  await ferry.poll(source_id);
  // As an agent of any language writes it: JSON.stringify would round the numbers.
  for (const command_name of ["START", "SKIP"]) {
    const body = `{"command_name":"${command_name}","result":"success","result_detail":${detail}}`;
    const reply = await ferry.call("POST", `/v3/sources/${source_id}/command_result`, body);
    expect(reply.status).toBe(200);
  }
  return { source_id, command_id };
}

browserTest("numbers beyond what a browser counts exactly are shown as they were sent", async () => {
  const numbers = [
    "9007199254740993",
    "-123456789012345678901234567890",
    "0.1000000000000000055511151231257827",
    "1e400",
  ];
  const { source_id, command_id } = await reported(`{"numbers":[${numbers}]}`);
  const { page, context, quiet } = await openConsole(ferry, `/console/sources/${source_id}?command=${command_id}`);
  await page.getByText("Reports nobody had asked for").waitFor();
  await unfold(page);
  for (const json of await page.locator(".timeline .json pre, .timeline ~ ul .json pre").all()) {
    expect(((await json.textContent()) ?? "").replace(/\s/g, "")).toBe(`{"numbers":[${numbers}]}`);
  }
  expect(await page.locator(".timeline ~ ul .json pre").count()).toBe(1);
  expect(await page.locator(".timeline .json pre").count()).toBe(1);
  quiet();
  await context.close();
});

browserTest(
  "a result_detail of a mebibyte, and one of a hundred levels, stay folded until they are wanted",
  async () => {
    const deep = `${'{"level":'.repeat(99)}{"bottom":true}${"}".repeat(99)}`;
    const long = JSON.stringify({ log: "<script>alert(1)</script>".repeat(43_000) });
    expect(long.length).toBeGreaterThan(2 ** 20);
    for (const [detail, part] of [
      [deep, '"bottom": true'],
      [long, "<script>alert(1)</script>"],
    ] as const) {
      const { source_id, command_id } = await reported(detail);
      const { page, context, quiet } = await openConsole(ferry, `/console/sources/${source_id}?command=${command_id}`, {
        viewport: { width: 320, height: 900 },
      });
      const json = page.locator(".timeline .json");
      await json.first().waitFor();
      expect(await json.first().getAttribute("open")).toBeNull();
      expect(await json.locator("pre").count()).toBe(0);
      await json.locator("summary").first().click();
      const pre = json.locator("pre").first();
      await pre.waitFor();
      expect(await pre.textContent()).toContain(part);
      expect(await pre.textContent()).toBe(JSON.stringify(JSON.parse(detail), null, 2));
      await expectText(page);
      quiet();
      await context.close();
    }
  },
);

browserTest("in an address", async () => {
  const { page, context, quiet, forgive } = await openConsole(ferry);
  const [image = ""] = hostile;
  for (const path of ["sources?q=", "sources?state=", "sources?sel=", "commands?state=", "sources/", ""]) {
    await page.goto(`/console/${path}${encodeURIComponent(image)}`);
    await page.locator("main h1").waitFor();
    await expectText(page);
  }
  for (const path of ["sources/%ff", "%c0%af", "sources/..%2f..%2fv3", "sources/a%2Fb?command=%00", "sources?q=%ff"]) {
    await page.goto(`/console/${path}`);
    await page.locator("main h1").waitFor();
    await expectText(page);
  }
  // The browser notes what the service has refused.
  forgive();
  await page.goto("/console/sources");
  await page.getByLabel("Filter by name or address").fill(image);
  await page.locator("main h1").waitFor();
  await waitUntil(async () => new URL(page.url()).searchParams.get("q") === image, "the filter in the address");
  await page.getByRole("link", { name: image }).first().waitFor();
  quiet();
  await context.close();
});

browserTest("in what happens, and in the dialogs that name a source", async () => {
  const { page, context, quiet } = await openConsole(ferry);
  await page.getByRole("heading", { name: "Activity" }).waitFor();
  // Under the pointer nothing comes in.
  await page.mouse.move(0, 0);
  for (const text of [`${hostile[1]} live`, `${hostile[5]} live`]) {
    const id = await ferry.registerSource(text);
    await page.getByRole("link", { name: text }).first().waitFor();
    await expectText(page);
    await page.goto(`/console/sources/${id}`);
    for (const action of ["create task", "delete source"]) {
      await unfold(page);
      await page.getByRole("button", { name: action }).click();
      const dialog = page.getByRole("dialog");
      expect(await dialog.getByRole("heading").textContent()).toContain(text);
      await expectText(page);
      await dialog.getByRole("button", { name: "Close" }).click();
    }
    await page.goto("/console/");
    await page.getByRole("heading", { name: "Activity" }).waitFor();
    await page.mouse.move(0, 0);
  }
  quiet();
  await context.close();
});
