import { afterAll, expect } from "bun:test";
import type { Page } from "playwright-core";
import type { Command } from "../../../src/commands/schema.ts";
import { endAll, Ferry, waitUntil } from "../executable.ts";
import { browserTest, closeBrowser, makeUser, openConsole } from "./browser.ts";
import { changeState, registerSources } from "./many-sources.ts";

/* What is done to many sources at once: to those that match, after their number was typed, and to no other. */

afterAll(closeBrowser);
afterAll(endAll);

/** More than one page of the list holds. */
const MANY = 510;

interface Listed {
  id: string;
  name: string;
}

async function start(): Promise<Ferry> {
  const ferry = await Ferry.start();
  await makeUser(ferry);
  return ferry;
}

/** All that match, as the API has them. */
async function listed(ferry: Ferry, query: string): Promise<Listed[]> {
  const items: Listed[] = [];
  let cursor = "";
  do {
    const path = `/operate/v1/sources?${query}&limit=500${cursor && `&cursor=${cursor}`}`;
    const page = await ferry.ask<{ items: Listed[]; next_cursor: string | null }>("GET", path);
    items.push(...page.items);
    cursor = page.next_cursor ?? "";
  } while (cursor !== "");
  return items;
}

const commands = async (ferry: Ferry): Promise<Command[]> =>
  (await ferry.ask<{ items: Command[] }>("GET", "/operate/v1/commands?limit=1000")).items;

const dialog = (page: Page) => page.getByRole("dialog");
const number = (page: Page) => dialog(page).getByRole("textbox");

async function selectAll(page: Page, shown: number, matching = shown): Promise<void> {
  await page.getByRole("heading", { name: `${matching} sources`, level: 1 }).waitFor();
  await page.getByRole("checkbox", { name: "Select all shown" }).check();
  const selection = page.getByRole("region", { name: "Selection" });
  await selection.getByText(`${shown} sources selected`).waitFor();
  if (shown === matching) return;
  await selection.getByRole("button", { name: `Select all ${matching} that match` }).click();
  await selection.getByText(`All ${matching} that match selected`).waitFor();
}

browserTest("a command goes to all that match, once their number was typed, and to no other", async () => {
  const ferry = await start();
  const names = Array.from({ length: MANY }, (_, place) => `bulk-${place}`);
  const ids = await registerSources(ferry, names);
  await registerSources(ferry, ["other-1", "other-2"]);
  const { page, quiet } = await openConsole(ferry, "/console/sources?q=bulk-");
  await selectAll(page, 100, MANY);

  const choose = page.getByLabel("Send", { exact: false }).and(page.getByRole("combobox"));
  await choose.selectOption("START");
  const send = dialog(page).getByRole("button", { name: `Send START to ${MANY} sources` });
  await number(page).fill("51");
  expect(await send.isDisabled()).toBe(true);
  await number(page).press("Enter");
  await number(page).fill(String(MANY));
  expect(await send.isDisabled()).toBe(false);
  await page.keyboard.press("Escape");
  await dialog(page).waitFor({ state: "detached" });
  expect(await commands(ferry)).toEqual([]);

  await choose.selectOption("START");
  // One more comes before the number is sent off: not what was meant.
  ids.push(await ferry.registerSource("bulk-late"));
  await number(page).fill(String(MANY));
  await number(page).press("Enter");
  await dialog(page)
    .getByText(`It is ${MANY + 1} sources now: type that number.`)
    .waitFor();
  expect(await commands(ferry)).toEqual([]);
  await number(page).fill(String(MANY + 1));
  await number(page).press("Enter");
  await dialog(page)
    .getByText(`${MANY + 1} of ${MANY + 1} sent`)
    .waitFor({ timeout: 30_000 });
  await dialog(page).getByRole("button", { name: "Done" }).click();
  await dialog(page).waitFor({ state: "detached" });

  const sent = await commands(ferry);
  expect(sent.map(({ source_id }) => source_id).sort()).toEqual(ids.sort());
  expect(new Set(sent.map(({ command_name, state }) => `${command_name} ${state}`))).toEqual(new Set(["START queued"]));
  quiet();
});

browserTest("deleting: what is refused is listed with the reason and can be tried again", async () => {
  const ferry = await start();
  const names = ["del-1", "del-2", "del-3", "del-4"];
  const ids = await registerSources(ferry, [...names, "kept-1"]);
  const [busy = ""] = ids;
  await ferry.poll(busy);
  await changeState(ferry, busy, "replicate");
  const { page, quiet, forgive } = await openConsole(ferry, "/console/sources?q=del-");
  await selectAll(page, 4);
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  expect(await number(page).evaluate((box) => box === document.activeElement)).toBe(true);
  await page.keyboard.type("4");
  // Who presses twice means it once.
  await page.evaluate(() => {
    const form = document.querySelector("dialog form") as HTMLFormElement;
    form.requestSubmit();
    form.requestSubmit();
  });
  await dialog(page).getByText("3 of 4 deleted, 1 refused").waitFor();
  await dialog(page).getByRole("listitem").getByText("is replicate and its agent is connected").waitFor();
  expect(await dialog(page).getByRole("listitem").count()).toBe(1);
  expect((await listed(ferry, "q=del-")).map(({ id }) => id)).toEqual([busy]);
  // A refusal is noted by the browser too.
  quiet(/^logged error: Failed to load resource: .* 400/);
  forgive();

  await changeState(ferry, busy, "stopped");
  await dialog(page).getByRole("button", { name: "Try those 1 again" }).click();
  await dialog(page).getByText("1 of 1 deleted").waitFor();
  expect(await dialog(page).getByRole("listitem").count()).toBe(0);
  await dialog(page).getByRole("button", { name: "Done" }).click();
  await waitUntil(async () => (await page.locator("tr.gone").count()) === 4, "the deleted rows are marked");
  expect((await listed(ferry, "sort=name")).map(({ name }) => name)).toEqual(["kept-1"]);
  quiet();
});

const hostile = '=HYPERLINK("http://192.0.2.1","file-a, b")';

browserTest("an export holds exactly what matches, in the order of the list", async () => {
  const ferry = await start();
  const names = Array.from({ length: MANY }, (_, place) => `file-${place}`);
  await registerSources(ferry, [...names, hostile, "other-1"]);
  const { page, quiet } = await openConsole(ferry, "/console/sources?q=file-&sort=name&order=desc");
  const expected = await listed(ferry, "q=file-&sort=name&order=desc");
  expect(expected.map(({ name }) => name).sort()).toEqual([...names, hostile].sort());

  const save = async (kind: string): Promise<{ file: string; text: string }> => {
    await page.getByText(`Export ${MANY + 1} sources`).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: kind, exact: true }).click(),
    ]);
    const text = await Bun.file(await download.path()).text();
    await page.keyboard.press("Escape");
    return { file: download.suggestedFilename(), text };
  };
  const json = await save("JSON");
  expect(json.file).toBe("sources.json");
  expect(JSON.parse(json.text)).toEqual(expected);

  const csv = await save("CSV");
  expect(csv.file).toBe("sources.csv");
  const [heads = "", ...lines] = csv.text.split("\r\n");
  expect(heads).toStartWith("id,name,ip,");
  expect(lines.pop()).toBe("");
  const quotedName = `"'=HYPERLINK(""http://192.0.2.1"",""file-a, b"")"`;
  const beginnings = expected.map(({ id, name }) => `${id},${name === hostile ? quotedName : name},192.0.2.10,`);
  expect(lines.map((line, row) => line.slice(0, beginnings[row]?.length))).toEqual(beginnings);
  quiet();
});

browserTest("commands are cancelled, sent again, filtered by address and viewed in context", async () => {
  const ferry = await start();
  const [first = "", second = ""] = await registerSources(ferry, ["web-1", "web-2"]);
  const { id } = await ferry.queue(first, { command_name: "START", command_param: { task_id: "t-1" } });
  await ferry.queue(second, { command_name: "UPLOAD_LOG" });
  const { page, quiet } = await openConsole(ferry, "/console/commands");
  const rows = page.locator("tbody [data-row]");
  const row = (name: string) => rows.filter({ hasText: name });

  await row("web-1").getByRole("button", { name: "Cancel" }).click();
  await row("web-1").getByText("cancelled").waitFor();
  expect(await ferry.command(id)).toMatchObject({ state: "cancelled" });
  await row("web-1").getByRole("button", { name: "Send again" }).click();
  await page.getByRole("button", { name: "1 new" }).click();
  await rows.nth(2).waitFor();
  const [again] = await commands(ferry);
  expect(again).toMatchObject({ source_id: first, command_name: "START", command_param: { task_id: "t-1" } });
  expect(again).toMatchObject({ state: "queued" });
  expect(await rows.first().textContent()).toContain("queued");

  const shown = async (count: number) => waitUntil(async () => (await rows.count()) === count, `${count} rows`);
  const chips = page.getByRole("navigation", { name: "Filter by state" });
  await chips.getByRole("link", { name: "cancelled" }).click();
  await shown(1);
  expect(new URL(page.url()).search).toBe("?state=cancelled");
  await chips.getByRole("link", { name: "queued" }).click();
  await shown(2);
  await page.getByLabel("Filter by name").selectOption("START");
  await shown(1);
  await page.getByLabel("Filter by age").selectOption({ label: "of the last hour" });
  await waitUntil(() => page.url().endsWith("?state=queued&command_name=START&age=3600000"), "the filters' address");
  const other = await openConsole(ferry, page.url());
  for (const one of [page, other.page]) {
    await one.reload();
    await one.locator("tbody [data-row]").getByText("web-1").waitFor();
    expect(await one.locator("tbody [data-row]").count()).toBe(1);
    expect(await one.getByLabel("Filter by name").inputValue()).toBe("START");
    expect(await one.getByLabel("Filter by age").inputValue()).toBe("3600000");
    const on = one.getByRole("navigation", { name: "Filter by state" }).locator("[aria-current]");
    expect((await on.textContent())?.trim()).toBe("queued");
  }
  // Two hours later none of them is of the last hour.
  await other.page.clock.setSystemTime(Date.now() + 7_200_000);
  await other.page.reload();
  await other.page.getByRole("heading", { name: "No command matches" }).waitFor();

  await page.goto(`/console/commands?state=cancelled`);
  await rows.getByRole("link", { name: "START" }).click();
  const marked = page.locator(".timeline > li.marked");
  await marked.getByText("cancelled").first().waitFor();
  expect(await marked.count()).toBe(1);
  expect(page.url()).toBe(`${ferry.url}/console/sources/${first}?command=${id}`);
  expect(await page.locator(".timeline > li").count()).toBe(2);
  await marked.getByText(`ferry command show ${id}`).waitFor();
  quiet();
  other.quiet();
});
