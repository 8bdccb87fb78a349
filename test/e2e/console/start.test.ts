import { afterAll, expect } from "bun:test";
import { dirname } from "node:path";
import { cleanEnvironment, endAll, executable, Ferry, run } from "../executable.ts";
import { browserTest, closeBrowser, makeUser, openConsole, password } from "./browser.ts";

/* The first screen of an empty database, followed to the letter. */

afterAll(closeBrowser);
afterAll(endAll);

browserTest("the lines of the empty start bring in a first source, and the page says so by itself", async () => {
  const ferry = await Ferry.start();
  await makeUser(ferry);
  const { page, quiet } = await openConsole(ferry, "/console/", { permissions: ["clipboard-read", "clipboard-write"] });
  // Gone, should the page be loaded anew.
  await page.evaluate("globalThis.isFirstLoad = true");

  /** In a shell that has the built ferry and nothing of this process. */
  const inShell = (line: string, stdin = "") => {
    const env = cleanEnvironment(ferry.folder.path, { PATH: `${dirname(executable)}:/usr/bin:/bin` });
    return run(["sh", "-c", line], { cwd: ferry.folder.home, env }, stdin);
  };
  const steps = page.getByRole("listitem");
  /** What the button of that step puts into the clipboard. */
  const copied = async (step: number): Promise<string> => {
    await steps.nth(step).getByRole("button", { name: "Copy" }).click();
    await steps.nth(step).getByRole("button", { name: "Copied" }).waitFor();
    const text = await page.evaluate<string>("navigator.clipboard.readText()");
    expect(await steps.nth(step).getByRole("code").textContent()).toBe(text);
    return text;
  };

  await page.getByRole("heading", { name: "Bring in a first source server" }).waitFor();
  expect(await steps.count()).toBe(3);
  const status = page.getByRole("status").filter({ hasNotText: "live" });
  expect(await status.textContent()).toBe("Waiting for a first source ...");

  expect(await inShell(await copied(0), password)).toMatchObject({ code: 0, stderr: expect.stringMatching(/maria/) });
  expect(await inShell(await copied(1))).toMatchObject({ code: 0 });
  await status.getByText("web-1 is registered; waiting for its first call ...").waitFor();
  const { items } = await ferry.ask<{ items: { id: string }[] }>("GET", "/operate/v1/sources");
  expect(items).toHaveLength(1);
  const sourcePage = `/console/sources/${items[0]?.id}`;

  expect(await inShell(await copied(2))).toMatchObject({ code: 0 });
  await page.getByText(/^web-1: it called \d+ s ago$/).waitFor();
  const link = status.getByRole("link", { name: "web-1" });
  expect(await link.getAttribute("href")).toBe(sourcePage);
  await link.click();
  await page.getByRole("heading", { name: "web-1", level: 1 }).waitFor();
  expect(new URL(page.url()).pathname).toBe(sourcePage);

  await page.goBack();
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  expect(await page.evaluate<unknown>("globalThis.isFirstLoad")).toBe(true);
  quiet();
});

browserTest("the empty start goes over into the overview, which has the first source", async () => {
  const ferry = await Ferry.start();
  await makeUser(ferry);
  const { page, quiet } = await openConsole(ferry);
  await page.getByRole("heading", { name: "Bring in a first source server" }).waitFor();
  await ferry.registerSource("first-1");
  await page.getByRole("button", { name: "To the overview" }).click();
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  await page.getByRole("navigation", { name: "Sources by state" }).getByRole("link", { name: "waiting 1" }).waitFor();
  await page.getByRole("listitem").filter({ hasText: "first-1" }).filter({ hasText: "registered" }).waitFor();
  quiet();
});
