import { afterAll, beforeAll, expect } from "bun:test";
import type { Page } from "playwright-core";
import { endAll, Ferry } from "../executable.ts";
import { violations } from "./axe.ts";
import { browserTest, closeBrowser, makeUser, openConsole, openPage } from "./browser.ts";
import { type Estate, makeEstate } from "./estate.ts";
import { tooWide } from "./layout.ts";

/* Every screen for everybody: axe finds nothing, and no page is wider than its window. */

afterAll(closeBrowser);
afterAll(endAll);

let ferry: Ferry;
let empty: Ferry;
let estate: Estate;
beforeAll(async () => {
  [ferry, empty] = await Promise.all([Ferry.start(), Ferry.start()]);
  await Promise.all([makeUser(ferry), makeUser(empty)]);
  estate = await makeEstate(ferry);
});

// What is under way to another colour would be measured in between.
const still = { reducedMotion: "reduce", colorScheme: "light" } as const;

type Step = readonly [name: string, reach: (page: Page) => Promise<unknown>];

/** Goes through the steps, each from where the one before has led; what is wrong on the way, light and dark. */
async function walk(page: Page, steps: readonly Step[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const [name, reach] of steps) {
    await reach(page);
    const light = [...(await violations(page)), ...(await tooWide(page))];
    await page.emulateMedia({ colorScheme: "dark" });
    const dark = await violations(page, ["color-contrast"]);
    await page.emulateMedia({ colorScheme: "light" });
    wrong.push(...light.map((found) => `${name}: ${found}`), ...dark.map((found) => `${name}, dark: ${found}`));
  }
  return wrong;
}

const open = (path: string, shown: string) => (page: Page) =>
  page.goto(`/console/${path}`).then(() => page.getByText(shown).first().waitFor());

/** All that is folded, what it holds being there. */
async function unfold(page: Page): Promise<void> {
  const closed = page.locator("main details:not([open]):not(.menu) > summary");
  while ((await closed.count()) > 0) await closed.first().click();
  await page.getByText("ferry command show").first().waitFor();
}

const signedOut: readonly Step[] = [
  ["sign-in by password", open("", "Sign in with")],
  [
    "a sign-in that was refused",
    async (page) => {
      await page.getByLabel("User", { exact: true }).fill("maria");
      await page.getByLabel("Password", { exact: true }).fill("wrong");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("alert").waitFor();
    },
  ],
  [
    "sign-in by key",
    async (page) => {
      await page.getByLabel("Access key").check();
      await page.getByLabel("Secret key").waitFor();
    },
  ],
];

const firstSteps: readonly Step[] = [
  ["first steps", open("", "Waiting for a first source")],
  ["no source yet", open("sources", "No source server yet")],
];

const screens = (): readonly Step[] => [
  ["overview", open("", "not reported in time")],
  ["sources", open("sources", "web-idle")],
  [
    "sources, two selected",
    async (page) => {
      await page.getByLabel("Select web-idle").check();
      await page.getByLabel("Select web-failed").check();
      await page.getByRole("region", { name: "Selection" }).waitFor();
    },
  ],
  [
    "the dialog of a command for many",
    async (page) => {
      await page.getByRole("region", { name: "Selection" }).getByRole("combobox").selectOption("SYNC");
      await page.getByRole("dialog").waitFor();
    },
  ],
  ["sources, none matches", open("sources?q=nothing-like-it", "No source matches")],
  ["sources, a filter that is refused", open("sources?state=nonsense", "Try again")],
  [
    "a source with a failed task, unfolded",
    async (page) => {
      await open(`sources/${estate.failed}`, "partition copy failed")(page);
      await unfold(page);
    },
  ],
  ["a source with a running task", (page) => open(`sources/${estate.running}`, "40 %")(page)],
  [
    "an action that is not allowed now, pressed",
    async (page) => {
      // It is told to be disabled, and takes the click all the same.
      await page.getByRole("button", { name: "cutover", exact: true }).click({ force: true });
      await page.getByRole("alert").waitFor();
    },
  ],
  ["a source that fails its checks", (page) => open(`sources/${estate.unready}`, "rsync is missing")(page)],
  [
    "a source with every end of a command, unfolded",
    async (page) => {
      await open(`sources/${estate.idle}`, "superseded")(page);
      await unfold(page);
    },
  ],
  [
    "the dialog of a new task",
    async (page) => {
      await page.getByRole("button", { name: "create task" }).click();
      await page.getByRole("dialog").waitFor();
    },
  ],
  [
    "the dialog of a deletion",
    async (page) => {
      await page.getByRole("button", { name: "Close" }).click();
      await page.getByRole("button", { name: "delete source" }).click();
      await page.getByRole("dialog").waitFor();
    },
  ],
  ["a deleted source", (page) => open(`sources/${estate.gone}`, "There is no such source now")(page)],
  ["commands", open("commands", "superseded")],
  [
    "a menu of the head",
    async (page) => {
      await page.getByText("Copy as").click();
      await page.getByText("ferry api GET").waitFor();
    },
  ],
  [
    "the caller's menu",
    async (page) => {
      await page.getByRole("banner").getByText("maria").click();
      await page.getByRole("button", { name: "Sign out" }).waitFor();
    },
  ],
  [
    "the sheet of keys",
    async (page) => {
      await page.keyboard.press("Escape");
      await page.keyboard.press("?");
      await page.getByRole("dialog").waitFor();
    },
  ],
  ["commands, none matches", open("commands?command_name=RSET_LOG_ACL", "No command matches")],
  ["an address of nothing", open("nothing", "There is nothing at this address")],
];

for (const width of [320, 1280]) {
  browserTest.concurrent(`every screen, ${width} pixels wide, in light and in dark`, async () => {
    const options = { ...still, viewport: { width, height: 900 } };
    const before = await openPage(ferry, options);
    const wrong = await walk(before.page, signedOut);
    await before.context.close();

    const first = await openConsole(empty, "/console/", options);
    wrong.push(...(await walk(first.page, firstSteps)));
    first.quiet();
    await first.context.close();

    const { page, context, quiet, forgive } = await openConsole(ferry, "/console/", options);
    wrong.push(...(await walk(page, screens())));
    expect(wrong).toEqual([]);
    // The browser notes the filter that was refused.
    forgive();
    quiet();
    await context.close();
  });
}

browserTest("dark and light by choice are those of the system", async () => {
  const { page, context, quiet } = await openConsole(ferry, "/console/sources", still);
  await page.getByRole("link", { name: "web-idle" }).waitFor();
  const colours = () =>
    page.evaluate(() =>
      [...document.querySelectorAll("body, body *")].map((element) => {
        const { color, backgroundColor, borderColor } = getComputedStyle(element);
        return `${element.tagName} ${color} ${backgroundColor} ${borderColor}`;
      }),
    );
  const bySystem = { light: await colours(), dark: [] as string[] };
  await page.emulateMedia({ colorScheme: "dark" });
  bySystem.dark = await colours();
  expect(bySystem.dark).not.toEqual(bySystem.light);
  await page.mouse.move(0, 0);
  for (const [system, chosen] of [
    ["dark", "light"],
    ["light", "dark"],
  ] as const) {
    await page.keyboard.press("d");
    await page.locator(`html[data-theme=${chosen}]`).waitFor();
    await page.emulateMedia({ colorScheme: system });
    expect(await colours()).toEqual(bySystem[chosen]);
    expect(await violations(page, ["color-contrast"])).toEqual([]);
  }
  quiet();
  await context.close();
});

browserTest("a row that is new, and one whose source is gone", async () => {
  const { page, context, quiet } = await openConsole(ferry, "/console/sources", still);
  const [gone] = await Promise.all([ferry.registerSource("web-short"), page.getByText("1 new").waitFor()]);
  await page.getByText("1 new").click();
  await page.getByRole("link", { name: "web-short" }).waitFor();
  await ferry.ask("DELETE", `/v3/sources/${gone}`);
  await page.locator("tr.gone").waitFor();
  await ferry.registerSource("web-new");
  const look = () => page.getByText("1 new").waitFor();
  expect(await walk(page, [["sources, one that is new and one that is gone", look]])).toEqual([]);
  quiet();
  await context.close();
});
