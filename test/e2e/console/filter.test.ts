import { afterAll, expect } from "bun:test";
import type { Page } from "playwright-core";
import { endAll, Ferry, waitUntil } from "../executable.ts";
import { browserTest, closeBrowser, makeUser, openConsole } from "./browser.ts";
import { changeState, forEach, registerSources } from "./many-sources.ts";
import { watchRows } from "./rows.ts";

/* The list of sources as a place to work in: what is looked for stays, and nothing moves while it is looked at. */

afterAll(closeBrowser);
afterAll(endAll);

const filterBox = (page: Page) => page.getByRole("searchbox", { name: "Filter by name or address" });
const rows = (page: Page) => page.locator("tbody [data-row]");
const fresh = (page: Page) => page.getByRole("button", { name: /^\d+ new$/ });
const names = (page: Page) => rows(page).locator("td:nth-child(2) a").allTextContents();

async function shows(page: Page, expected: readonly string[]): Promise<void> {
  let last: string[] = [];
  const isShown = async () => {
    last = await names(page);
    return last.join() === expected.join();
  };
  await waitUntil(isShown, `the rows ${expected}`).catch((error) => {
    throw new Error(`${error.message}; there are ${last}`);
  });
}

browserTest("filter, order, state and selection live in the address", async () => {
  const ferry = await Ferry.start();
  await makeUser(ferry);
  const all = ["web-1", "web-2", "db-1", "web-3", "web-4"];
  const ids = await registerSources(ferry, all);
  for (const name of ["web-2", "db-1", "web-4"]) await changeState(ferry, ids[all.indexOf(name)] ?? "", "stopped");
  const { page, quiet } = await openConsole(ferry, "/console/sources");
  const head = (page: Page, name: string) => page.getByRole("columnheader", { name });
  const chip = (page: Page, name: string) =>
    page.getByRole("navigation", { name: "Sources by state" }).getByRole("link", { name });
  const box = (page: Page, name: string) => page.getByRole("checkbox", { name: `Select ${name}` });

  await filterBox(page).fill("WEB");
  await waitUntil(() => new URL(page.url()).search === "?q=WEB", "the filter in the address");
  await chip(page, "stopped 3").click();
  await shows(page, ["web-4", "web-2"]);
  await head(page, "Name").getByRole("link").click();
  await shows(page, ["web-2", "web-4"]);
  await head(page, "Name").getByRole("link").click();
  await shows(page, ["web-4", "web-2"]);
  await box(page, "web-2").check();
  const address = page.url();

  const showsAll = async (page: Page) => {
    await shows(page, ["web-4", "web-2"]);
    expect(await filterBox(page).inputValue()).toBe("WEB");
    expect(await chip(page, "stopped 3").getAttribute("aria-current")).toBe("true");
    expect(await chip(page, "all 5").getAttribute("aria-current")).toBeNull();
    expect(await head(page, "Name").getAttribute("aria-sort")).toBe("descending");
    expect(await box(page, "web-2").isChecked()).toBe(true);
    expect(await box(page, "web-4").isChecked()).toBe(false);
    await page.getByRole("region", { name: "Selection" }).getByText("1 source selected").waitFor();
  };
  await showsAll(page);
  await page.reload();
  await showsAll(page);
  const other = await openConsole(ferry, address);
  await showsAll(other.page);
  expect(other.page.url()).toBe(address);

  await rows(page).getByRole("link", { name: "web-2" }).click();
  await page.getByRole("heading", { name: "web-2", level: 1 }).waitFor();
  await page.goBack();
  await showsAll(page);
  await page.goBack();
  await shows(page, ["web-2", "web-4"]);
  expect(await box(page, "web-2").isChecked()).toBe(false);
  await page.goBack();
  await shows(page, ["web-4", "web-2"]);
  expect(await head(page, "Registered").getAttribute("aria-sort")).toBe("descending");
  await page.goBack();
  await waitUntil(async () => (await rows(page).count()) === 4, "the rows of every state");
  expect(await filterBox(page).inputValue()).toBe("WEB");
  for (let step = 0; step < 3; step++) await page.goForward();
  await showsAll(page);
  quiet();
  other.quiet();
});

browserTest("what is typed last counts for the list only, not for where one goes meanwhile", async () => {
  const ferry = await Ferry.start();
  await makeUser(ferry);
  const [id] = await registerSources(ferry, ["web-1"]);
  const { page, quiet } = await openConsole(ferry, "/console/sources");
  await shows(page, ["web-1"]);
  await filterBox(page).fill("web");
  await rows(page).getByRole("link", { name: "web-1" }).click();
  await page.getByRole("heading", { name: "web-1", level: 1 }).waitFor();
  await page.getByRole("heading", { name: "It was told nothing yet" }).waitFor();
  // Longer than the list waits for the next key.
  await page.waitForTimeout(400);
  expect(page.url()).toBe(`${ferry.url}/console/sources/${id}`);
  quiet();
});

browserTest("a next page that comes while the rows are read anew stays", async () => {
  const ferry = await Ferry.start();
  await makeUser(ferry);
  const all = Array.from({ length: 150 }, (_, place) => `web-${String(place).padStart(3, "0")}`);
  const [id = ""] = await registerSources(ferry, all);
  const { page, quiet } = await openConsole(ferry, "/console/sources?sort=name");
  await shows(page, all.slice(0, 100));

  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  await page.route(/sources\?sort=name&limit=100$/, async (route) => {
    await released;
    await route.continue();
  });
  const isAsked = page.waitForRequest(/sources\?sort=name&limit=100$/);
  await changeState(ferry, id, "stopped");
  await isAsked;
  await page.getByRole("button", { name: "Show more" }).click();
  await shows(page, all);
  release();
  await rows(page).first().getByText("stopped").waitFor();
  expect(await names(page)).toEqual(all);
  quiet();
});

const SOURCES = 1_000;
const TYPED = "storm-box-";
const stormStates = ["stopped", "replicate", "error", "finished", "syncing", "waiting", "cutovering", "cloning"];

/** Changes the sources, one after the other and over and over again, until what it returns is called. */
function storm(ferry: Ferry, ids: readonly string[]): () => Promise<number> {
  let isOver = false;
  let changes = 0;
  function* endless() {
    for (let round = 0; ; round++) {
      for (const [place, id] of ids.entries()) {
        if (isOver) return;
        yield { id, state: stormStates[(place + round) % stormStates.length] ?? "waiting" };
      }
    }
  }
  const beganMs = performance.now();
  const running = forEach(endless(), async ({ id, state }) => {
    await changeState(ferry, id, state);
    changes += 1;
  });
  return async () => {
    isOver = true;
    await running;
    return Math.round((changes * 1_000) / (performance.now() - beganMs));
  };
}

browserTest("1,000 sources change: no character is lost, the focus stays and no row moves", async () => {
  const ferry = await Ferry.start();
  await makeUser(ferry);
  const numbers = Array.from({ length: SOURCES }, (_, place) => String(place).padStart(4, "0"));
  const ids = await registerSources(
    ferry,
    numbers.map((number) => `${TYPED}${number}`),
  );
  const { page, quiet } = await openConsole(ferry, "/console/sources?sort=name");
  const firstPage = numbers.slice(0, 100).map((number) => `${TYPED}${number}`);
  await shows(page, firstPage);
  await rows(page).nth(1).hover();

  const [, deleted = ""] = ids;
  const calm = storm(
    ferry,
    ids.filter((id) => id !== deleted),
  );
  const standing = await watchRows(page);
  // Every one of them matches, however far the word has come: the rows stay the same.
  await page.keyboard.press("/");
  for (const [place, character] of [...TYPED].entries()) {
    await page.keyboard.type(character);
    expect(await filterBox(page).inputValue()).toBe(TYPED.slice(0, place + 1));
    expect(await filterBox(page).evaluate((box) => box === document.activeElement)).toBe(true);
    // Some keys come while the list is on its way, some after it.
    await page.waitForTimeout(place % 2 === 0 ? 40 : 300);
  }
  await waitUntil(() => new URL(page.url()).searchParams.get("q") === TYPED, "the filter in the address");

  await page.locator(".scroll:not(.old)").waitFor();

  // New ones belong between those that are shown; one that is shown is deleted.
  const [first = "", ...others] = firstPage;
  const added = ["a", "b", "c"].map((letter) => `${first}${letter}`);
  await registerSources(ferry, added);
  await fresh(page).and(page.getByText("3 new")).waitFor();
  await ferry.ask("DELETE", `/v3/sources/${deleted}`);
  await page
    .locator("tr.gone")
    .getByRole("link", { name: others[0] ?? "" })
    .waitFor();
  expect(await names(page)).toEqual(firstPage);
  const { moved, frames } = await standing();
  expect(moved).toEqual([]);

  await fresh(page).click();
  await shows(page, [first, ...added, ...others.slice(1, 97)]);
  expect(await page.locator("tr.gone").count()).toBe(0);
  const rate = await calm();
  frames.sort((a, b) => a - b);
  const p95 = frames[Math.floor(frames.length * 0.95)]?.toFixed(1);
  console.log(`${rate} changes a second; ${frames.length} frames, 95 % of them within ${p95} ms`);
  quiet();
});

browserTest("what needs somebody leads to the sources it is about, in whichever way a task has failed", async () => {
  const ferry = await Ferry.start();
  await makeUser(ferry);
  const source_id = await ferry.registerSource("db-1");
  const region = { region_name: "r", region_id: "r", project_name: "p", project_id: "p" };
  const order = { name: "MigrationTask", type: "MIGRATE_FILE", source_server: { id: source_id }, target_server: {} };
  const { id } = await ferry.ask<{ id: string }>("POST", "/v3/tasks", { ...order, ...region });
  const start = () => ferry.ask("POST", `/v3/tasks/${id}/action`, { operation: "start" });
  await start();
  await ferry.poll(source_id);
  await ferry.report(source_id, {});
  await changeState(ferry, source_id, "finished");
  await start();
  await ferry.poll(source_id);
  const failed = { command_name: "SYNC", result: "fail", result_detail: {} };
  await ferry.ask("POST", `/v3/sources/${source_id}/command_result`, failed);
  // No longer in error, while the task is as it failed.
  await changeState(ferry, source_id, "stopped");
  const { page, quiet } = await openConsole(ferry);
  await page.getByRole("heading", { name: /1 with a failed task/ }).waitFor();
  await page.getByRole("link", { name: "sync fail" }).click();
  await shows(page, ["db-1"]);
  expect(await page.getByLabel("Filter by task").inputValue()).toBe("SYNC_FAIL");
  quiet();
});
