import { afterAll, beforeAll, expect } from "bun:test";
import type { Page } from "playwright-core";
import type { Command } from "../../../src/commands/schema.ts";
import { endAll, Ferry, waitUntil } from "../executable.ts";
import { browserTest, closeBrowser, makeUser, openConsole, openPage, password } from "./browser.ts";
import { type Estate, makeEstate } from "./estate.ts";

/* Every screen without a mouse: nothing here clicks. */

afterAll(closeBrowser);
afterAll(endAll);

let ferry: Ferry;
let estate: Estate;
beforeAll(async () => {
  ferry = await Ferry.start();
  await makeUser(ferry);
  estate = await makeEstate(ferry);
});

/** Where the focus is: its text, or the name it has for who hears it. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const { activeElement } = document;
    const label = activeElement?.getAttribute("aria-label") ?? activeElement?.closest("label")?.textContent;
    return activeElement === document.body ? "nowhere" : (label ?? activeElement?.textContent ?? "").trim();
  });

/** Presses Tab until the focus is on something of that name. */
async function tabTo(page: Page, name: string | RegExp, back = false): Promise<void> {
  for (let steps = 0; steps < 150; steps += 1) {
    await page.keyboard.press(back ? "Shift+Tab" : "Tab");
    const text = await focused(page);
    if (typeof name === "string" ? text === name : name.test(text)) return;
  }
  throw new Error(`Tab never comes to ${name}`);
}

const untilFocused = (page: Page, name: string) =>
  waitUntil(async () => (await focused(page)) === name, `the focus to be on ${name}`);

const mainHasFocus = (page: Page) =>
  waitUntil(() => page.evaluate(() => document.activeElement?.id === "main"), "the focus to be in the main part");

/** By what it is, not by its role: closed, it is there for a moment without one. */
const dialogOf = (page: Page) => page.locator("dialog");

async function keys(page: Page, pressed: string): Promise<void> {
  for (const key of pressed.split(" ")) await page.keyboard.press(key);
}

const newest = async (source_id: string): Promise<Command | undefined> =>
  (await ferry.ask<{ items: Command[] }>("GET", `/operate/v1/commands?source_id=${source_id}&limit=1`)).items[0];

browserTest("signs in, goes from screen to screen, and out again", async () => {
  const { page, context, quiet, forgive } = await openPage(ferry);
  await page.goto("/console/");
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  forgive();
  await tabTo(page, "User");
  await page.keyboard.type("maria");
  await tabTo(page, "Password");
  await page.keyboard.type(password);
  await keys(page, "Enter");
  await page.getByRole("heading", { name: "Overview" }).waitFor();

  await keys(page, "g s");
  await page.getByRole("heading", { name: /sources$/ }).waitFor();
  await mainHasFocus(page);
  await keys(page, "g c");
  await page.getByRole("heading", { name: "Commands" }).waitFor();
  await mainHasFocus(page);
  await keys(page, "g o");
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await mainHasFocus(page);
  expect(new URL(page.url()).pathname).toBe("/console/");

  // From the first thing on the page into its content, past the frame.
  await keys(page, "g s");
  await mainHasFocus(page);
  await tabTo(page, "To the content", true);
  await keys(page, "Enter");
  await mainHasFocus(page);

  await tabTo(page, "maria", true);
  await keys(page, "Enter");
  await tabTo(page, "Sign out");
  await keys(page, "Enter");
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  quiet();
  await context.close();
});

browserTest("times, theme and the sheet of keys", async () => {
  const { page, context, quiet } = await openConsole(ferry, "/console/sources");
  await page.getByRole("link", { name: "web-idle" }).waitFor();
  for (const zone of ["local", "UTC", "ago"]) {
    await keys(page, "t");
    await page.getByRole("button", { name: `Times: ${zone}` }).waitFor();
  }
  for (const theme of ["light", "dark", "system"]) {
    await keys(page, "d");
    await page.getByRole("button", { name: `Theme: ${theme}` }).waitFor();
    await page.locator(`html[data-theme=${theme}]`).waitFor({ state: "attached" });
  }
  await keys(page, "j");
  const row = await focused(page);
  await keys(page, "?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  const sheet = dialogOf(page);
  for (const does of ["Go to Sources", "Filter", "Select the row", "Show what is new"]) {
    await sheet.getByText(does).waitFor();
  }
  // Behind the sheet nothing is done.
  await keys(page, "g o");
  expect(new URL(page.url()).pathname).toBe("/console/sources");
  await keys(page, "Escape");
  await sheet.waitFor({ state: "detached" });
  await untilFocused(page, row);

  await tabTo(page, "Keys", true);
  await keys(page, "Enter");
  await sheet.waitFor();
  await tabTo(page, "Close");
  await keys(page, "Enter");
  await sheet.waitFor({ state: "detached" });
  await untilFocused(page, "Keys");
  quiet();
  await context.close();
});

browserTest("filters, selects two, and sends them a command", async () => {
  const first = await ferry.registerSource("pair-1");
  const second = await ferry.registerSource("pair-2");
  const { page, context, quiet } = await openConsole(ferry, "/console/sources");
  await page.getByRole("link", { name: "web-idle" }).waitFor();
  await keys(page, "/");
  await page.keyboard.type("pair-");
  await page.getByRole("heading", { name: "2 sources" }).waitFor();
  await keys(page, "Escape j");
  // The first link of the row, or its box.
  await keys(page, "x j x");
  await page.getByText("2 sources selected").waitFor();
  await keys(page, "k x");
  await page.getByText("1 source selected").waitFor();
  await keys(page, "x");
  await page.getByText("2 sources selected").waitFor();

  const list = /^Send/;
  await tabTo(page, list);
  await keys(page, "Space ArrowDown ArrowDown ArrowDown Enter");
  const dialog = dialogOf(page);
  await dialog.waitFor();
  const chosen = (await dialog.getByRole("heading").textContent()) ?? "";
  expect(chosen).toBe("Send SYNC to 2 sources");
  // Escape changes nothing, and leads back.
  await keys(page, "Escape");
  await dialog.waitFor({ state: "detached" });
  await waitUntil(async () => list.test(await focused(page)), "the focus to be back on the list");
  expect(await newest(first)).toBeUndefined();

  await keys(page, "Space ArrowDown ArrowDown ArrowDown Enter");
  await dialog.waitFor();
  await waitUntil(async () => /^Type 2/.test(await focused(page)), "the focus to be on the number");
  await page.keyboard.type("2");
  await keys(page, "Enter");
  await dialog.getByText("2 of 2 sent").waitFor();
  await tabTo(page, "Done");
  await keys(page, "Enter");
  await dialog.waitFor({ state: "detached" });
  for (const id of [first, second]) expect(await newest(id)).toMatchObject({ command_name: "SYNC", state: "queued" });
  quiet();
  await context.close();
});

browserTest("opens a row, cancels its command, and sends it again", async () => {
  const id = await ferry.registerSource("lone-1");
  await ferry.queue(id);
  const { page, context, quiet } = await openConsole(ferry, "/console/sources?q=lone-1");
  await page.getByRole("link", { name: "lone-1" }).waitFor();
  await keys(page, "j");
  await tabTo(page, "lone-1");
  await keys(page, "Enter");
  await page.getByRole("heading", { name: "lone-1" }).waitFor();
  await mainHasFocus(page);
  await tabTo(page, "Cancel");
  await keys(page, "Enter");
  await page.getByText("cancelled").first().waitFor();
  expect(await newest(id)).toMatchObject({ state: "cancelled" });

  await keys(page, "g c");
  await page.getByRole("heading", { name: "Commands" }).waitFor();
  await mainHasFocus(page);
  await page.getByRole("link", { name: "lone-1" }).waitFor();
  await keys(page, "j");
  await tabTo(page, "Send again");
  await keys(page, "Enter");
  await waitUntil(async () => (await newest(id))?.state === "queued", "the command to be there again");
  quiet();
  await context.close();
});

browserTest("makes a task and starts it; what cannot be done says why", async () => {
  const id = await ferry.registerSource("task-1");
  const { page, context, quiet } = await openConsole(ferry, `/console/sources/${id}`);
  const actions = page.getByRole("region", { name: "Actions" });
  await actions.getByRole("button", { name: "start", exact: true }).waitFor();
  await tabTo(page, "start");
  await keys(page, "Enter");
  await actions.getByRole("alert").waitFor();
  expect(await actions.getByRole("alert").textContent()).toContain("task");

  await tabTo(page, "create task", true);
  await keys(page, "Enter");
  const dialog = dialogOf(page);
  await dialog.waitFor();
  await keys(page, "Escape");
  await dialog.waitFor({ state: "detached" });
  await untilFocused(page, "create task");
  await keys(page, "Enter");
  await dialog.waitFor();
  await tabTo(page, "Create task");
  await keys(page, "Enter");
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("region", { name: "Task", exact: true }).waitFor();
  await untilFocused(page, "create task");

  await tabTo(page, "start");
  await keys(page, "Enter");
  await waitUntil(async () => (await newest(id))?.command_name === "START", "the action's command");
  quiet();
  await context.close();
});

browserTest("opens a menu, copies from it, and closes it", async () => {
  const { page, context, quiet } = await openConsole(ferry, "/console/commands");
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByText("superseded").first().waitFor();
  await tabTo(page, "Copy as");
  await keys(page, "Enter");
  await page.getByText("ferry api GET").waitFor();
  await tabTo(page, "Copy");
  await keys(page, "Enter");
  await page.getByRole("button", { name: "Copied" }).waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^curl -g /);
  await keys(page, "Escape");
  await page.getByText("ferry api GET").waitFor({ state: "hidden" });
  await untilFocused(page, "Copy as");
  quiet();
  await context.close();
});

browserTest("the focus can be seen wherever it is, on every screen", async () => {
  const { page, context, quiet } = await openConsole(ferry);
  for (const path of [
    "",
    "sources?sel=all",
    `sources/${estate.failed}`,
    `sources/${estate.idle}`,
    `sources/${estate.gone}`,
    "commands",
  ]) {
    await page.goto(`/console/${path}`);
    await page.locator("[data-row]").first().waitFor();
    const seen = new Set<string>();
    for (let steps = 0; steps < 60; steps += 1) {
      await page.keyboard.press("Tab");
      const at = await page.evaluate(() => {
        const { activeElement: element } = document;
        if (!element || element === document.body) return undefined;
        const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(element);
        const { width, height } = element.getBoundingClientRect();
        const isSeen = outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 2 && width > 0 && height > 0;
        return { isSeen, html: element.outerHTML.slice(0, 120), outlineColor };
      });
      // Past the last one.
      if (at === undefined) break;
      expect(at).toMatchObject({ isSeen: true });
      seen.add(at.html);
    }
    expect(seen.size).toBeGreaterThan(10);
  }
  quiet();
  await context.close();
});
