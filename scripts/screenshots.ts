// npm run screenshots: every screen of the console into docs/screenshots, of the demo's fleet (seeded, so they are alike
// each time) and of an empty service. Takes two minutes: an agent that has fallen silent is missed after one.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContextOptions, chromium, type Page } from "playwright-core";

const root = join(import.meta.dir, "..");
const shots = join(root, "docs", "screenshots");
const SETTLED_MS = 75_000;
const LOADED_MS = 1_500;
const WIDE = { width: 1280, height: 800 };

const folder = mkdtempSync(join(tmpdir(), "ferry-screenshots-"));
const browser = await chromium.launch({
  executablePath: process.env.FERRY_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
mkdirSync(shots, { recursive: true });
try {
  await ofEmptyService();
  await ofDemo();
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}

/** Sign-in and first steps. */
async function ofEmptyService(): Promise<void> {
  const env = { FERRY_BOOTSTRAP_ACCESS_KEY: "SCREENSHOTS", FERRY_BOOTSTRAP_SECRET_KEY: "screenshots-secret" };
  const service = start(["src/main.ts", "serve", "--listen", "127.0.0.1:0", "--data", join(folder, "empty")], env);
  const url = await service.printed(/http:\/\/127\.0\.0\.1:\d+(?= )/);
  const page = await open(url, { colorScheme: "light" });
  await page.goto("/console/");
  await shoot(page, "sign-in");
  await page.getByText("Access key", { exact: true }).click();
  await page.locator("[name=access_key]").fill(env.FERRY_BOOTSTRAP_ACCESS_KEY);
  await page.locator("[name=secret_key]").fill(env.FERRY_BOOTSTRAP_SECRET_KEY);
  await page.getByRole("button", { name: "Sign in" }).click();
  await shoot(page, "first-steps");
  await service.stop();
}

async function ofDemo(): Promise<void> {
  const service = start(["demo/main.ts", "--port", "0", "--seed", "1", "--data", join(folder, "demo")]);
  const url = (await service.printed(/http:\/\/127\.0\.0\.1:\d+(?=\/console\/)/)) ?? "";
  await Bun.sleep(SETTLED_MS);
  const signedIn = async (options: BrowserContextOptions) => {
    const page = await open(url, options);
    await page.goto("/console/");
    await page.locator("[name=user]").fill("demo");
    await page.locator("[name=password]").fill("ferry-demo");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.locator(".feed").waitFor();
    return page;
  };
  const light = await signedIn({ colorScheme: "light" });
  await shoot(light, "overview");
  await shoot(light, "sources", "/console/sources");
  await shoot(light, "commands", "/console/commands");
  await light.goto("/console/sources?q=db");
  await light.getByLabel("Select all shown").check();
  await light.locator(".bulk select").selectOption("UPLOAD_LOG");
  await shoot(light, "bulk");
  const dark = await signedIn({ colorScheme: "dark" });
  await shoot(dark, "overview-dark");
  await dark.goto("/console/commands?state=succeeded&command_name=START");
  await dark.locator("tbody tr td:nth-child(2) a").first().click();
  await shoot(dark, "source-dark");
  const narrow = await signedIn({ colorScheme: "dark", viewport: { width: 390, height: 800 } });
  await shoot(narrow, "narrow");
  await service.stop();
}

async function open(baseURL: string, options: BrowserContextOptions): Promise<Page> {
  const context = await browser.newContext({ viewport: WIDE, ...options, baseURL });
  return context.newPage();
}

async function shoot(page: Page, name: string, path?: string): Promise<void> {
  if (path !== undefined) await page.goto(path);
  await page.waitForTimeout(LOADED_MS);
  await page.screenshot({ path: join(shots, `${name}.png`) });
  console.log(join("docs", "screenshots", `${name}.png`));
}

function start(args: string[], env: Record<string, string> = {}) {
  const child = Bun.spawn([process.execPath, "--no-env-file", ...args], {
    cwd: root,
    env: { PATH: process.env.PATH, BUN_CONFIG_MAX_HTTP_REQUESTS: "16384", ...env },
    stderr: "inherit",
  });
  return {
    /** The first text of what it prints that matches. */
    printed: async (wanted: RegExp): Promise<string> => {
      let text = "";
      for await (const bytes of child.stdout) {
        text += new TextDecoder().decode(bytes);
        const found = wanted.exec(text)?.[0];
        if (found) return found;
      }
      throw new Error(`it ended instead of telling its address:\n${text}`);
    },
    stop: async () => {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}
