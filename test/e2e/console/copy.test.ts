import { afterAll, beforeAll, expect } from "bun:test";
import { dirname } from "node:path";
import type { Page } from "playwright-core";
import { cleanEnvironment, endAll, executable, Ferry, run, waitUntil } from "../executable.ts";
import { browserTest, closeBrowser, makeUser, openConsole, password } from "./browser.ts";
import { type Estate, makeEstate } from "./estate.ts";

/* What is copied from the console does in a shell what the console did. */

afterAll(closeBrowser);
afterAll(endAll);

const hostile = `it's $HOME "quoted" \`id\` \\ & [x] * 100%`;

let ferry: Ferry;
let estate: Estate;
let token: string;
beforeAll(async () => {
  ferry = await Ferry.start();
  await makeUser(ferry);
  estate = await makeEstate(ferry);
  await ferry.registerSource(hostile);
  const auth = {
    identity: { methods: ["password"], password: { user: { name: "maria", password, domain: { name: "default" } } } },
  };
  const reply = await ferry.call("POST", "/v3/auth/tokens", { auth }, { key: null });
  token = reply.headers.get("x-subject-token") ?? "";
  expect(token).not.toBe("");
});

/** In a shell of somebody who has a token, which is what the command line is signed in by too. */
async function shell(line: string, stdin = "") {
  const PATH = `${dirname(executable)}:${process.env.PATH}`;
  const env = cleanEnvironment(ferry.folder.path, { FERRY_ENDPOINT: ferry.url, FERRY_TOKEN: token, PATH });
  const ran = await run(["sh", "-c", line], { cwd: ferry.folder.home, env }, stdin);
  if (ran.code !== 0) throw new Error(`${line}\n${ran.stdout}${ran.stderr}`);
  return ran.stdout;
}

/** The lines that can be copied, where they are shown. */
const linesIn = async (page: Page, where: string): Promise<string[]> => {
  const lines = await page.locator(`${where} .shell`).all();
  return Promise.all(
    lines.map(async (line) => {
      // What is copied is what is read.
      const copied = (await line.getByRole("button").getAttribute("data-text")) ?? "";
      expect(await line.locator("code").textContent()).toBe(copied);
      return copied;
    }),
  );
};

async function copyAs(page: Page): Promise<string[]> {
  await page.getByText("Copy as").click();
  await page.locator("details.menu[open] .shell").first().waitFor();
  return linesIn(page, "details.menu[open]");
}

/** Of a reply what does not go on by itself. */
function settled(text: string): unknown {
  return JSON.parse(text, (name, value) => (/^(connected|last_seen_at|last_visit_time)$/.test(name) ? null : value));
}

/** What the console asked for itself: path and query below its mount, and what came. */
function watch(page: Page): Map<string, Promise<string>> {
  const heard = new Map<string, Promise<string>>();
  page.on("response", (response) => {
    const { pathname, search } = new URL(response.url());
    if (!pathname.startsWith("/console/api/") || pathname.endsWith("/events")) return;
    heard.set(
      pathname.slice("/console/api".length) + search,
      response.text().catch(() => ""),
    );
  });
  return heard;
}

const filters = [
  "sources",
  `sources?q=${encodeURIComponent(hostile)}`,
  "sources?q=web-&state=waiting&sort=name&order=desc",
  "sources?connected=true&sort=last_seen",
  "commands",
  "commands?state=overdue&command_name=SYNC",
  "",
];

browserTest("Copy as: the same reply as the view's own, whatever the filter", async () => {
  for (const path of filters) {
    const { page, context, quiet } = await openConsole(ferry, `/console/${path}`);
    const heard = watch(page);
    await page.reload();
    await page.locator("main [data-row]").first().waitFor();
    const [curl = "", cli = ""] = await copyAs(page);
    expect(curl).toStartWith("curl ");
    expect(cli).toStartWith("ferry api GET ");
    // The view asks for pages of its own size, and is else the same.
    const own = [...heard].filter(
      ([asked]) => bare(asked) === bare(/https?:\/\/[^/]+([^']*)/.exec(unquoted(curl))?.[1] ?? ""),
    );
    expect(own.length).toBeGreaterThan(0);
    const shown = settled((await own.at(-1)?.[1]) ?? "");
    expect(settled(await shell(curl))).toEqual(shown);
    expect(settled(await shell(cli))).toEqual(shown);
    if (path.includes("%24HOME")) expect(shown).toMatchObject({ count: 1, items: [{ name: hostile }] });
    quiet();
    await context.close();
  }
});

const bare = (address: string): string => {
  const { pathname, searchParams } = new URL(address, ferry.url);
  searchParams.delete("limit");
  searchParams.sort();
  return `${pathname}?${searchParams}`;
};

/** As a shell reads it. */
const unquoted = (line: string): string => line.replaceAll("'\\''", "'");

browserTest("Copy as, of all commands of an age", async () => {
  const { page, context, quiet } = await openConsole(ferry, "/console/commands?age=3600000&state=cancelled");
  await page.locator("main [data-row]").first().waitFor();
  const rows = await page.locator("main [data-row]").count();
  for (const line of await copyAs(page)) {
    const { items } = JSON.parse(await shell(line)) as { items: { state: string }[] };
    expect(items.map(({ state }) => state)).toEqual(Array(rows).fill("cancelled"));
  }
  quiet();
  await context.close();
});

browserTest("Copy as, of one source", async () => {
  const { page, context, quiet } = await openConsole(ferry, `/console/sources/${estate.failed}`);
  const heard = watch(page);
  await page.reload();
  await page.getByText("As JSON").waitFor();
  const shown = settled((await heard.get(`/v3/sources/${estate.failed}`)) ?? "");
  for (const line of await copyAs(page)) expect(settled(await shell(line))).toEqual(shown);
  quiet();
  await context.close();
});

browserTest("the lines of a source's timeline", async () => {
  const { page, context, quiet } = await openConsole(ferry, `/console/sources/${estate.idle}`);
  await page.locator(".timeline details > summary").nth(1).waitFor();
  const folds = await page.locator(".timeline > li > details:not([open]) > summary").all();
  for (const fold of folds.reverse()) await fold.click();
  await waitUntil(async () => (await linesIn(page, ".timeline")).length >= 5, "the lines of its commands");
  for (const line of await linesIn(page, ".timeline")) {
    expect(line).toMatch(/^ferry command show [0-9a-f-]{36}$/);
    const [id = ""] = /\S+$/.exec(line) ?? [];
    const { reports, ...command } = await ferry.command(id);
    expect(JSON.parse(await shell(`${line} --json`))).toMatchObject(command);
    const told = await shell(line);
    expect(told).toContain(command.state);
    for (const { result } of reports) expect(told).toContain(result);
  }
  quiet();
  await context.close();
});

browserTest("the lines beside actions do what the buttons do", async () => {
  const source_id = await ferry.registerSource(`acted on: ${hostile}`.slice(0, 64));
  const { page, context, quiet } = await openConsole(ferry, `/console/sources/${source_id}`);
  const commandsOf = async () =>
    (await ferry.ask<{ items: { command_name: string }[] }>("GET", `/operate/v1/commands?source_id=${source_id}`))
      .items;

  const timeline = "section[aria-labelledby=timeline]";
  await page.getByText("It was told nothing yet").waitFor();
  const [send = ""] = await linesIn(page, timeline);
  await shell(send);
  expect(await commandsOf()).toMatchObject([{ command_name: "START" }]);
  await page.locator(".timeline [data-row]").first().waitFor();

  await page.getByText("More", { exact: true }).click();
  const [another = ""] = await linesIn(page, "section[aria-labelledby=actions] > details");
  expect(another).toBe(send);

  await page.getByRole("button", { name: "create task" }).click();
  await page.getByLabel("Region of the target").fill("it's $REGION");
  await page.getByLabel("How it copies").selectOption("MIGRATE_BLOCK");
  const [create = ""] = await linesIn(page, "dialog");
  const task_id = (await shell(create)).trim();
  const task = await ferry.ask<Record<string, unknown>>("GET", `/v3/tasks/${task_id}`);
  expect(task).toMatchObject({ type: "MIGRATE_BLOCK", region_id: "it's $REGION", name: "MigrationTask" });
  await page.getByRole("button", { name: "Close" }).click();

  await page.getByRole("region", { name: "Task", exact: true }).waitFor();
  quiet();
  await page.getByRole("button", { name: "delete task" }).click();
  const [removeTask = ""] = await linesIn(page, "dialog");
  await shell(removeTask);
  expect((await ferry.call("GET", `/v3/tasks/${task_id}`)).status).toBe(404);
  await page.getByRole("button", { name: "Close" }).click();

  await page.getByRole("button", { name: "delete source" }).click();
  const [remove = ""] = await linesIn(page, "dialog");
  await context.close();
  await shell(remove);
  expect((await ferry.call("GET", `/v3/sources/${source_id}`)).status).toBe(404);
});

browserTest("the lines for many, each with an id in place of ID", async () => {
  const source_id = await ferry.registerSource("one-of-many");
  const { page, context, quiet } = await openConsole(ferry, `/console/sources?q=one-of-many&sel=${source_id}`);
  const bar = page.getByRole("region", { name: "Selection" });
  await bar.getByRole("combobox").selectOption("SYNC");
  const [send = ""] = await linesIn(page, "dialog");
  expect(JSON.parse(await shell(send.replace("ID", source_id)))).toMatchObject({
    source_id,
    command_name: "SYNC",
    state: "queued",
  });
  await page.getByRole("button", { name: "Close" }).click();
  await bar.getByRole("button", { name: "Delete" }).click();
  const [remove = ""] = await linesIn(page, "dialog");
  await shell(remove.replace("ID", source_id));
  expect((await ferry.call("GET", `/v3/sources/${source_id}`)).status).toBe(404);
  quiet();
  await context.close();
});

browserTest("the first steps lead to a first source", async () => {
  const empty = await Ferry.start();
  await makeUser(empty);
  const { page, context, quiet } = await openConsole(empty);
  await page.getByText("Waiting for a first source").waitFor();
  const lines = await linesIn(page, ".first");
  expect(lines.map((line) => line.split(" ").slice(0, 3).join(" "))).toEqual([
    "ferry login --endpoint",
    "ferry source register",
    "ferry poll web-1",
  ]);
  // Nothing in the environment: the first line has to say where and as whom.
  const PATH = `${dirname(executable)}:${process.env.PATH}`;
  const options = { cwd: empty.folder.home, env: cleanEnvironment(empty.folder.path, { PATH }) };
  for (const [place, line] of lines.entries()) {
    const ran = await run(["sh", "-c", line], options, place === 0 ? `${password}\n` : "");
    expect([line, ran.stderr, ran.code]).toEqual([line, expect.any(String), 0]);
  }
  await page.getByText("it called").waitFor();
  await page.getByRole("link", { name: "web-1" }).waitFor();
  quiet();
  await context.close();
});

browserTest("a moment is the same in UTC, in local time and as an age", async () => {
  const { items } = await ferry.ask<{ items: { registered_at: number; name: string }[] }>(
    "GET",
    "/operate/v1/sources?q=web-idle",
  );
  const at = items[0]?.registered_at ?? 0;
  // East and west of Greenwich, by halves of an hour, and where the clock is put forward.
  for (const [timezoneId, offset] of [
    ["Asia/Kolkata", "+05:30"],
    ["America/St_Johns", "-03:30"],
    ["Pacific/Auckland", "+13:00"],
    ["UTC", "+00:00"],
  ] as const) {
    const { page, context, quiet } = await openConsole(ferry, "/console/sources?q=web-idle", { timezoneId });
    const time = page.locator("tbody tr td:last-child time");
    await time.waitFor();
    expect(await time.getAttribute("datetime")).toBe(new Date(at).toISOString());
    const age = /^(?:(\d+) h ?)?(?:(\d+) min ?)?(?:(\d+) s)? ago$/;
    const [, hours = 0, minutes = 0, seconds = 0] = age.exec((await time.textContent()) ?? "") ?? [];
    const ms = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
    expect(ms).toBeGreaterThan(0);
    // It is told in whole units, and a test takes its time.
    expect(Math.abs(Date.now() - ms - at)).toBeLessThan(60_000);

    await page.keyboard.press("t");
    await page.getByRole("button", { name: "Times: local" }).waitFor();
    const local = (await time.textContent()) ?? "";
    expect(Date.parse(`${local.replace(" ", "T")}${offset}`)).toBe(at - (at % 1000));
    await page.keyboard.press("t");
    await page.getByRole("button", { name: "Times: UTC" }).waitFor();
    const utc = (await time.textContent()) ?? "";
    expect(Date.parse(`${utc.replace(" ", "T")}Z`)).toBe(at - (at % 1000));
    const tip = (await time.getAttribute("title")) ?? "";
    expect(tip).toContain(utc);
    expect(tip).toContain(local);
    quiet();
    await context.close();
  }
});
