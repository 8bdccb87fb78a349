import { existsSync } from "node:fs";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { type Ferry, testUnless } from "../executable.ts";

/* The console as an operator meets it: the built executable in a real browser. */

/** $FERRY_CHROMIUM, else where distributions put it. */
const program = [process.env.FERRY_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find(
  (path) => path !== undefined && existsSync(path),
);
export const browserTest = testUnless(program ? undefined : "there is no Chromium: set FERRY_CHROMIUM");

/** A page has this long to show what it is asked for. */
const SHOWN_WITHIN_MS = 10_000;

export const password = "console-password";

let running: Promise<Browser> | undefined;

/** One browser for a test file: `afterAll(closeBrowser)`. */
export async function closeBrowser(): Promise<void> {
  await (await running)?.close();
  running = undefined;
}

/** A user of its own, with the password above. */
export async function makeUser(ferry: Ferry, name = "maria", role = "operator", account?: string): Promise<void> {
  await ferry.ask("POST", "/operate/v1/users", { name, role, password, ...(account !== undefined && { account }) });
}

/** A page that nothing may go wrong on: `quiet()` throws what the browser complained of. */
export interface Watched {
  page: Page;
  context: BrowserContext;
  /**
   * Throws if a script failed, something was logged, the policy was broken or another host was called; `expected`: what
   * may be there, as "logged error: ...".
   */
  quiet(expected?: RegExp): void;
  /** Takes what was complained of so far for expected. */
  forgive(): void;
}

export async function openPage(ferry: Ferry, options: BrowserContextOptions = {}): Promise<Watched> {
  // The sandbox of the browser needs what containers do not give it.
  running ??= chromium.launch({ executablePath: program ?? "", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  const context = await (await running).newContext({ baseURL: ferry.url, ...options });
  context.setDefaultTimeout(SHOWN_WITHIN_MS);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(`failed: ${error.message}`));
  page.on("console", (message) => complaints.push(`logged ${message.type()}: ${message.text()}`));
  page.on("dialog", (dialog) => {
    complaints.push(`opened a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    const { protocol, host } = new URL(request.url());
    const isOwn = host === new URL(ferry.url).host || protocol === "data:" || protocol === "blob:";
    if (!isOwn) complaints.push(`called ${request.url()}`);
  });
  return {
    page,
    context,
    quiet: (expected) => {
      const others = complaints.filter((complaint) => !expected?.test(complaint));
      if (others.length > 0) throw new Error(`the browser complained:\n${others.join("\n")}`);
    },
    forgive: () => void complaints.splice(0),
  };
}

/** A page of the console, signed in. */
export async function openConsole(
  ferry: Ferry,
  path = "/console/",
  { user = "maria", account, ...options }: BrowserContextOptions & { user?: string; account?: string } = {},
): Promise<Watched> {
  const watched = await openPage(ferry, options);
  await watched.page.goto(path);
  await signIn(watched.page, user, account);
  // Whether somebody has signed in is found out by asking, and the browser notes a 401.
  watched.forgive();
  return watched;
}

export async function signIn(page: Page, user = "maria", account?: string): Promise<void> {
  await page.getByLabel("User", { exact: true }).fill(user);
  await page.getByLabel("Password", { exact: true }).fill(password);
  if (account !== undefined) await page.getByLabel("Account", { exact: true }).fill(account);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation", { name: "Screens" }).waitFor();
}
