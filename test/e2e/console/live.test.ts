import { afterAll, expect } from "bun:test";
import type { Page } from "playwright-core";
import { freeAddress } from "../../edge/sqld.ts";
import { endAll, Ferry, testUnless, waitUntil } from "../executable.ts";
import { findPython, SDK, startSdk } from "../python.ts";
import { registration } from "../registration.ts";
import { browserTest, closeBrowser, makeUser, openConsole } from "./browser.ts";

/* What happens is seen at once, without a reload, and over every break. */

afterAll(closeBrowser);
afterAll(endAll);

const { python, missing } = findPython(SDK);
const sdkTest = missing === undefined ? browserTest : testUnless(missing);

const feed = (page: Page) => page.getByRole("region", { name: "Activity" });
const chips = (page: Page) => page.getByRole("navigation", { name: "Sources by state" });
/** Whether the line to the service holds. */
const line = (page: Page) => page.getByRole("banner").getByRole("status");
/** The sources the feed tells of, the newest line first. */
const told = (page: Page) => feed(page).getByRole("listitem").getByRole("link").allTextContents();

async function withSources(names: readonly string[]): Promise<{ ferry: Ferry; ids: string[] }> {
  const ferry = await Ferry.start({ args: ["--listen", freeAddress()] });
  await makeUser(ferry);
  const ids: string[] = [];
  for (const name of names) ids.push(await ferry.registerSource(name));
  return { ferry, ids };
}

sdkTest("a report through the SDK is in the feed, the timeline and the counters", async () => {
  const { ferry } = await withSources([]);
  const sdk = startSdk(python, ferry);
  const source_id: string = (await sdk("register_server", { body: registration })).reply.id;
  const region = { region_name: "r", region_id: "r", project_name: "p", project_id: "p" };
  const order = { name: "MigrationTask", type: "MIGRATE_FILE", source_server: { id: source_id }, target_server: {} };
  const { id: task_id } = await ferry.ask<{ id: string }>("POST", "/v3/tasks", { ...order, ...region });

  const overview = await openConsole(ferry);
  // What is under the pointer stands still.
  await overview.page.mouse.move(0, 0);
  const source = await openConsole(ferry, `/console/sources/${source_id}`);
  await chips(overview.page).getByRole("link", { name: "waiting 1" }).waitFor();
  const timeline = source.page.getByRole("region", { name: "Commands" });
  await timeline.getByRole("heading", { name: "It was told nothing yet" }).waitFor();

  // An agent that is there.
  await sdk("show_command", { server_id: source_id });
  expect((await sdk("update_task_status", { task_id, body: { operation: "start" } })).raised).toBeUndefined();
  await feed(overview.page).getByText("START queued").waitFor();
  await timeline.locator(".steps").getByText("queued").waitFor();
  await sdk("show_command", { server_id: source_id });
  await feed(overview.page).getByText("took START").waitFor();
  await timeline.locator(".steps").getByText("delivered").waitFor();
  await chips(overview.page).getByRole("link", { name: "initialize 1" }).waitFor();

  const result_detail = { error_code: "SMS.0202", error_msg: "no route to the target", bytes: 9_007_199_254_740_991 };
  const body = { command_name: "START", result: "fail", result_detail };
  expect((await sdk("update_command_result", { server_id: source_id, body })).received.status).toBe(200);

  const { page } = overview;
  await feed(page).getByText("reported START: fail").waitFor();
  expect(await feed(page).getByRole("link", { name: registration.name }).count()).toBeGreaterThan(0);
  await chips(page).getByRole("link", { name: "error 1" }).waitFor();
  const inError = page.locator(".need").filter({ hasText: "1 in error" });
  await inError.getByRole("link", { name: registration.name }).waitFor();
  // One of the minutes has its one report: there the line is at its top.
  const points = page.getByRole("img", { name: /^reports in each/ }).locator("polyline");
  const isCounted = async () => /,1\.0( |$)/.test((await points.getAttribute("points")) ?? "");
  await waitUntil(isCounted, "the report in the line of the reports");

  await timeline.locator(".steps").getByText("failed").waitFor();
  await timeline.getByText("Reports and result_detail").click();
  await timeline.locator("pre").getByText("9007199254740991").waitFor();
  await source.page.locator(".head .facts").getByText("error").waitFor();
  overview.quiet();
  source.quiet();
});

browserTest("a restart heals by itself, and nothing that happened meanwhile is missed", async () => {
  const { ferry, ids } = await withSources(["web-1"]);
  const [source_id = ""] = ids;
  const overview = await openConsole(ferry);
  // What is under the pointer stands still.
  await overview.page.mouse.move(0, 0);
  const source = await openConsole(ferry, `/console/sources/${source_id}`);
  const pages = [overview.page, source.page];
  for (const page of pages) await line(page).getByText("live", { exact: true }).waitFor();
  await feed(overview.page).getByText("web-1 registered").waitFor();

  expect(await ferry.stop()).toBe(0);
  for (const page of pages) {
    await line(page).getByText("reconnecting").waitFor();
    // It grows: what is shown is said to be old.
    await page.getByText(/^reconnecting, data [2-9] s old$/).waitFor();
  }
  // What was there stays to be read.
  expect(await told(overview.page)).toEqual(["web-1"]);

  // The pages stay away until all of it has happened.
  for (const page of pages) await page.route("**/operate/v1/**", (route) => route.abort());
  await ferry.start();
  const names = Array.from({ length: 30 }, (_, place) => `after-${place}`);
  for (const name of names) await ferry.registerSource(name);
  await ferry.queue(source_id);
  expect(await line(overview.page).textContent()).toBe("reconnecting");
  for (const page of pages) await page.unroute("**/operate/v1/**");

  for (const page of pages) await line(page).getByText("live", { exact: true }).waitFor();
  await feed(overview.page).getByText("web-1 START queued").waitFor();
  expect(await told(overview.page)).toEqual(["web-1", ...names.toReversed(), "web-1"]);
  await chips(overview.page).getByRole("link", { name: "all 31" }).waitFor();
  await source.page.getByRole("region", { name: "Commands" }).getByRole("link", { name: "START" }).waitFor();

  // Live it is: the next change is there at once.
  await ferry.registerSource("later");
  await feed(overview.page).getByText("later registered").waitFor();
  // That the service was not there is for the browser to note, and nothing else.
  for (const watched of [overview, source]) watched.quiet(/^logged error: Failed to load resource: net::ERR_/);
});

browserTest("no line of the feed moves under a reader's pointer or focus", async () => {
  const { ferry } = await withSources(["first", "second"]);
  const { page, quiet } = await openConsole(ferry);
  await page.mouse.move(0, 0);
  const fresh = (count: number) => feed(page).getByRole("button", { name: `${count} new`, exact: true });
  const restingPlace = page.getByRole("heading", { name: "Overview" });
  await feed(page).getByText("second registered").waitFor();

  const first = feed(page).getByRole("listitem").filter({ hasText: "first" });
  await first.hover();
  await ferry.registerSource("third");
  await fresh(1).waitFor();
  await ferry.registerSource("fourth");
  await fresh(2).waitFor();
  expect(await told(page)).toEqual(["second", "first"]);
  await fresh(2).click();
  await feed(page).getByText("fourth registered").waitFor();
  expect(await told(page)).toEqual(["fourth", "third", "second", "first"]);

  await first.hover();
  await ferry.registerSource("fifth");
  await fresh(1).waitFor();
  await restingPlace.hover();
  await feed(page).getByText("fifth registered").waitFor();
  expect(await fresh(1).count()).toBe(0);

  // The pointer comes and goes while the focus stays.
  await first.getByRole("link").focus();
  await first.hover();
  await restingPlace.hover();
  await ferry.registerSource("sixth");
  await fresh(1).waitFor();
  expect(await told(page)).toEqual(["fifth", "fourth", "third", "second", "first"]);
  await page.keyboard.press("Shift+Tab");
  expect(await told(page)).toHaveLength(5);
  await fresh(1).press("Enter");
  await feed(page).getByText("sixth registered").waitFor();

  // Nobody reads there any more.
  await page.getByRole("link", { name: "ferry", exact: true }).focus();
  await ferry.registerSource("seventh");
  await feed(page).getByText("seventh registered").waitFor();

  // All is read anew after a break, and still stands.
  const before = await told(page);
  await first.hover();
  await ferry.stop();
  await line(page).getByText("reconnecting").waitFor();
  await ferry.start();
  await ferry.registerSource("eighth");
  await line(page).getByText("live", { exact: true }).waitFor();
  await fresh(1).waitFor();
  expect(await told(page)).toEqual(before);
  quiet(/^logged error: Failed to load resource: net::ERR_/);
});
