import { afterAll, beforeAll, expect } from "bun:test";
import type { BrowserContext, Page } from "playwright-core";
import { endAll, Ferry, waitUntil } from "../executable.ts";
import { browserTest, closeBrowser, makeUser, openConsole, openPage, signIn } from "./browser.ts";
import { makeEstate } from "./estate.ts";

/* Who is not signed in, is no longer, or is somebody else sees nothing of it. */

const servers: Bun.Server<undefined>[] = [];
afterAll(closeBrowser);
afterAll(endAll);
afterAll(() => Promise.all(servers.map((server) => server.stop(true))));

let ferry: Ferry;
beforeAll(async () => {
  ferry = await Ferry.start();
  await makeUser(ferry);
  await makeEstate(ferry);
});

const signInShown = (page: Page) => page.getByRole("button", { name: "Sign in" }).waitFor();

/** What the first account's sources are called; the first steps speak of a web-1. */
const names = /web-(failed|running|unready|idle|gone|after|meanwhile|again)/;

/** Nothing of what the screens show is left on the page. */
async function expectNothingLeft(page: Page): Promise<void> {
  expect(await page.content()).not.toMatch(names);
}

interface User {
  id: string;
  name: string;
}
const userOf = async (name: string): Promise<string> =>
  (await ferry.ask<{ items: User[] }>("GET", `/operate/v1/users?name=${name}`)).items[0]?.id ?? "";

async function sessionOf(context: BrowserContext, { url }: Ferry = ferry) {
  const [cookie, ...more] = await context.cookies(`${url}/console/`);
  if (!cookie || more.length > 0) throw new Error("there is one cookie");
  return cookie;
}

/** Signed in for the shortest time there is, which passes while other tests run. */
async function openExpiring() {
  const body = { expires_in_s: 60, role: "viewer" };
  const { access_key, secret_key, security_token } = await ferry.ask<Record<string, string>>(
    "POST",
    "/operate/v1/keys",
    body,
  );
  const { page, context } = await openPage(ferry);
  await page.goto("/console/commands?state=overdue");
  await signInShown(page);
  const status = await page.evaluate(
    async (shown) => {
      const headers = { "X-Ferry-Console": "1", "Content-Type": "application/json" };
      return (await fetch("/console/session", { method: "POST", headers, body: JSON.stringify(shown) })).status;
    },
    { access_key, secret_key, security_token },
  );
  expect(status).toBe(201);
  await page.reload();
  await page.getByRole("link", { name: "web-idle" }).waitFor();
  return { page, context };
}
let opened: ReturnType<typeof openExpiring> | undefined;
function expiring() {
  opened ??= openExpiring();
  return opened;
}

browserTest("a session by a key is for no longer than the key", async () => {
  const { context } = await expiring();
  const { expires } = await sessionOf(context);
  expect(expires * 1000 - Date.now()).toBeLessThanOrEqual(60_000);
});

browserTest("signed out, every address is the sign-in, and afterwards what it was", async () => {
  for (const [path, shown] of [
    ["sources?q=web-idle&sort=name&order=desc", "web-idle"],
    ["commands?state=overdue", "web-idle"],
  ] as const) {
    const { page, context, quiet, forgive } = await openPage(ferry);
    await page.goto(`/console/${path}`);
    await signInShown(page);
    await expectNothingLeft(page);
    forgive();
    await signIn(page);
    await page.getByRole("link", { name: shown }).waitFor();
    expect(page.url()).toBe(`${ferry.url}/console/${path}`);
    quiet();
    await context.close();
  }
});

/** What ends a session that is in use, by its name and by how it is done. */
const ends: Record<string, (user: string) => Promise<unknown>> = {
  "its user is disabled": async (user) =>
    ferry.ask("PATCH", `/operate/v1/users/${await userOf(user)}`, { disabled: true }),
  "its user's password is another": async (user) =>
    ferry.ask("PATCH", `/operate/v1/users/${await userOf(user)}`, { password: "another-password" }),
  "its user is deleted": async (user) => ferry.ask("DELETE", `/operate/v1/users/${await userOf(user)}`),
};

for (const [place, [end, make]] of Object.entries(ends).entries()) {
  browserTest(`the page goes to the sign-in once ${end}`, async () => {
    const user = `ending-${place}`;
    await makeUser(ferry, user);
    const path = "/console/sources?q=web-&sort=name";
    const { page, context } = await openConsole(ferry, path, { user });
    await page.getByRole("link", { name: "web-idle" }).waitFor();
    const { name, value } = await sessionOf(context);
    await make(user);
    // By itself: nobody touches the page.
    await signInShown(page);
    await expectNothingLeft(page);
    expect(page.url()).toBe(ferry.url + path);
    const reply = await fetch(`${ferry.url}/console/api/operate/v1/me`, {
      headers: { cookie: `${name}=${value}`, "x-ferry-console": "1" },
    });
    expect(reply.status).toBe(401);
    // Somebody else who may goes on from there.
    await signIn(page);
    await page.getByRole("link", { name: "web-idle" }).waitFor();
    expect(page.url()).toBe(ferry.url + path);
    await context.close();
  });
}

browserTest("signing out ends the session and its open stream, in every window", async () => {
  const { page, context } = await openConsole(ferry, "/console/sources");
  const other = await context.newPage();
  await other.goto("/console/commands");
  await other.getByRole("heading", { name: "Commands" }).waitFor();
  await page.getByRole("link", { name: "web-idle" }).waitFor();
  const { name, value } = await sessionOf(context);
  const headers = { cookie: `${name}=${value}`, accept: "text/event-stream", "x-ferry-console": "1" };
  const stream = await fetch(`${ferry.url}/console/api/operate/v1/events`, { headers });
  expect(stream.status).toBe(200);
  let told = "";
  const ended = stream.body?.pipeTo(
    new WritableStream({
      write: (bytes) => {
        told += Buffer.from(bytes);
      },
    }),
  );
  await waitUntil(() => told.includes("id:"), "the first block");
  await page.getByRole("banner").getByText("maria").click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await signInShown(page);
  await expectNothingLeft(page);
  await signInShown(other);
  await expectNothingLeft(other);
  // Whoever kept the cookie and the line hears no more.
  await ended?.catch(() => {});
  const before = told;
  await ferry.registerSource("web-after");
  expect(told).toBe(before);
  expect(told).not.toContain("web-after");
  expect((await fetch(`${ferry.url}/console/api/operate/v1/events`, { headers })).status).toBe(401);
  expect(await context.cookies(`${ferry.url}/console/`)).toEqual([]);
  await context.close();
});

browserTest("the cookie is no script's, and worth nothing but at the console", async () => {
  const { page, context, quiet } = await openConsole(ferry, "/console/sources");
  const { name, value, ...attributes } = await sessionOf(context);
  expect(attributes).toMatchObject({ httpOnly: true, sameSite: "Strict", path: "/console" });
  expect(await page.evaluate(() => document.cookie)).toBe("");
  expect(await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]))).not.toContain(value);
  for (const path of ["/v3/sources", "/operate/v1/sources", "/operate/v1/events", "/operate/v1/me"]) {
    for (const headers of [
      { cookie: `${name}=${value}`, "x-ferry-console": "1" },
      { "x-auth-token": value },
      { authorization: `Bearer ${value}` },
    ]) {
      expect((await fetch(ferry.url + path, { headers })).status).toBe(401);
    }
  }
  quiet();
  await context.close();
});

browserTest("another account sees nothing of the first one's, on any screen or line", async () => {
  await ferry.ask("POST", "/operate/v1/accounts", { name: "other" });
  await makeUser(ferry, "otto", "admin", "other");
  const sources = await ferry.ask<{ items: { id: string; name: string }[] }>("GET", "/operate/v1/sources");
  const commands = await ferry.ask<{ items: { id: string }[] }>("GET", "/operate/v1/commands?limit=100");
  const [source] = sources.items;
  const ids = [...sources.items, ...commands.items].map(({ id }) => id);
  expect(ids.length).toBeGreaterThan(8);

  const { page, context, forgive } = await openPage(ferry);
  const told: string[] = [];
  // Also what comes over the stream, as it comes.
  const line = await context.newCDPSession(page);
  await line.send("Network.enable");
  line.on("Network.dataReceived", ({ data }) => data && told.push(Buffer.from(data, "base64").toString()));
  line.on("Network.responseReceived", ({ requestId, type, response }) => {
    if (response.mimeType === "text/event-stream" || type === "EventSource") {
      void line.send("Network.streamResourceContent", { requestId }).then(({ bufferedData }) => {
        told.push(`stream ${Buffer.from(bufferedData, "base64")}`);
      });
    }
  });
  const bodies: Promise<unknown>[] = [];
  page.on("response", (response) => {
    const isStream = response.headers()["content-type"]?.includes("event-stream") === true;
    if (isStream || !response.url().includes("/console/api/")) return;
    bodies.push(
      response.text().then(
        (text) => told.push(`${response.status()} ${text}`),
        // A page that is left behind takes its replies along.
        () => {},
      ),
    );
  });
  const expectNone = async (text: string) => {
    expect(text).not.toMatch(names);
    // Of what was asked for by name the address is echoed, and nothing else.
    for (const id of ids.filter((one) => !page.url().includes(one))) expect(text).not.toContain(id);
  };
  await page.goto("/console/");
  await signInShown(page);
  forgive();
  await signIn(page, "otto", "other");
  await page.getByText("Waiting for a first source").waitFor();
  await expectNone(await page.content());

  for (const [path, shown] of [
    ["sources", "No source server yet"],
    ["sources?q=web", "No source matches"],
    [`sources/${source?.id}`, "There is no such source now"],
    [`sources/${source?.id}?command=${commands.items[0]?.id}`, "There is no such source now"],
    ["commands", "No command matches"],
    [`commands?source_id=${source?.id}`, "No command matches"],
  ] as const) {
    await page.goto(`/console/${path}`);
    await page.getByText(shown).first().waitFor();
    // What happens meanwhile at the first account is told to that account.
    await ferry.registerSource("web-meanwhile");
    await expectNone(await page.content());
  }
  // One more event of its own comes behind all of those, so they would have come before.
  await page.goto("/console/commands");
  await page.getByText("live", { exact: true }).waitFor();
  const own = await ferry.ask<{ access_key: string; secret_key: string }>("POST", "/operate/v1/keys", {
    account: "other",
    user: "otto",
  });
  await ferry.registerSource("web-again");
  const body = {
    name: "own-1",
    ip: "198.51.100.1",
    os_type: "LINUX",
    os_version: "",
    agent_version: "1",
    networks: [],
  };
  await ferry.ask("POST", "/v3/sources", body, { key: own });
  await waitUntil(() => told.some((text) => text.includes("own-1")), "the account's own event");
  await Promise.all(bodies);
  expect(told.some((text) => text.startsWith("stream "))).toBe(true);
  for (const text of told) {
    expect(text).not.toMatch(names);
    for (const { id } of commands.items.slice(1)) expect(text).not.toContain(id);
  }
  await context.close();
});

browserTest("a page of another origin changes nothing and reads nothing", async () => {
  // Of its own: nothing else may happen there.
  const ferry = await Ferry.start();
  await makeUser(ferry);
  const queued = await ferry.queue(await ferry.registerSource("web-idle"));
  // What takes no body would be the easiest to do.
  const cancel = `/console/api/operate/v1/commands/${queued.id}/cancel`;
  const { page, context } = await openConsole(ferry, "/console/sources");
  await page.getByRole("link", { name: "web-idle" }).waitFor();
  const counted = () => ferry.ask<{ count: number }>("GET", "/operate/v1/sources?limit=1");
  const before = await counted();
  const newest = () => ferry.ask<{ items: { id: number }[] }>("GET", "/operate/v1/events?limit=1");
  const {
    items: [lastEvent],
  } = await newest();
  const { value } = await sessionOf(context, ferry);
  const [first] = (await ferry.ask<{ items: { id: string }[] }>("GET", "/operate/v1/sources")).items;
  const evil = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response("<!doctype html><title>evil</title>", { headers: { "content-type": "text/html" } }),
  });
  servers.push(evil);

  // The same host on another port, which is the same site; and another site.
  for (const host of ["127.0.0.1", "localhost"]) {
    const hostile = await context.newPage();
    await hostile.goto(`http://${host}:${evil.port}/`);
    const read = await hostile.evaluate(
      async ([base, source_id, cancelling]) => {
        const heard: string[] = [];
        const api = `${base}/console/api`;
        const tell = (text: unknown) => void heard.push(String(text));
        const reading = (url: string, init: RequestInit = {}) =>
          fetch(url, { credentials: "include", ...init }).then(
            async (reply) => tell(`${reply.type} ${await reply.text()}`),
            () => tell("refused"),
          );
        await reading(`${api}/v3/sources`);
        await reading(`${api}/operate/v1/sources`, { mode: "no-cors" });
        await reading(`${api}/v3/sources/${source_id}`, { method: "DELETE", headers: { "X-Ferry-Console": "1" } });
        await reading(`${api}/operate/v1/sources/${source_id}/commands`, {
          method: "POST",
          mode: "no-cors",
          headers: { "Content-Type": "text/plain" },
          body: '{"command_name":"DELETE"}',
        });
        await reading(`${base}/console/session`, { method: "DELETE", mode: "no-cors" });
        await reading(`${base}/console/session`, { method: "POST", mode: "no-cors", body: "{}" });
        await reading(base + cancelling, { method: "POST", mode: "no-cors" });
        navigator.sendBeacon(`${api}/operate/v1/sources/${source_id}/commands`, '{"command_name":"DELETE"}');
        await new Promise<void>((resolve) => {
          const stream = new EventSource(`${api}/operate/v1/events`, { withCredentials: true });
          stream.onmessage = ({ data }) => tell(data);
          stream.onerror = () => {
            stream.close();
            resolve();
          };
        });
        await new Promise<void>((resolve) => {
          const image = new Image();
          image.onload = () => resolve(tell("an image"));
          image.onerror = () => resolve();
          image.src = `${api}/v3/sources`;
        });
        await new Promise<void>((resolve) => {
          const script = document.createElement("script");
          script.onload = () => resolve(tell("a script ran"));
          script.onerror = () => resolve();
          script.src = `${base}/console/assets/console.js`;
          script.type = "module";
          document.head.append(script);
        });
        const frame = document.createElement("iframe");
        frame.src = `${base}/console/`;
        await new Promise((resolve) => {
          frame.onload = resolve;
          document.body.append(frame);
        });
        try {
          tell(frame.contentDocument?.body.textContent ?? "");
        } catch {
          // It may not look inside.
        }
        return heard.filter((text) => text !== "refused" && text !== "opaque " && text !== "");
      },
      [ferry.url, first?.id ?? "", cancel] as const,
    );
    expect(read).toEqual([]);
    // The frame stays empty also for who looks at it.
    const framed = hostile.frames().find((frame) => frame !== hostile.mainFrame());
    expect(await framed?.locator("nav, main").count()).toBe(0);

    // Forms, which the browser sends by itself, and windows.
    for (const [path, enctype] of [
      [`/console/api/operate/v1/sources/${first?.id}/commands`, "text/plain"],
      [cancel, "application/x-www-form-urlencoded"],
      ["/console/api/v3/sources", "application/x-www-form-urlencoded"],
      ["/console/session", "text/plain"],
    ] as const) {
      await hostile.goto(`http://${host}:${evil.port}/`);
      await Promise.all([
        hostile.waitForURL(`${ferry.url}${path}`),
        hostile.evaluate(
          ([action, type]) => {
            const form = document.createElement("form");
            Object.assign(form, { method: "POST", action, enctype: type });
            const input = document.createElement("input");
            Object.assign(input, { name: '{"command_name":"DELETE","x":"', value: '"}' });
            form.append(input);
            document.body.append(form);
            form.submit();
          },
          [ferry.url + path, enctype] as const,
        ),
      ]);
      expect(await hostile.locator("body").textContent()).not.toMatch(names);
    }
    await hostile.goto(`http://${host}:${evil.port}/`);
    const [opened] = await Promise.all([
      hostile.waitForEvent("popup"),
      hostile.evaluate((url) => void Object.assign(window, { opened: window.open(url) }), `${ferry.url}/console/`),
    ]);
    await opened.locator("main").waitFor();
    const seen = await hostile.evaluate(() => {
      const { opened } = window as unknown as { opened: Window };
      try {
        return opened.document.body.textContent;
      } catch {
        return "not to be seen";
      }
    });
    expect(seen).toBe("not to be seen");
    await opened.close();
    await hostile.close();
  }

  expect(await counted()).toEqual(before);
  expect((await newest()).items[0]).toEqual(lastEvent);
  // And who was signed in still is, by the same session.
  expect((await sessionOf(context, ferry)).value).toBe(value);
  await page.reload();
  await page.getByRole("link", { name: "web-idle" }).waitFor();
  await context.close();
});

browserTest(
  "the page goes to the sign-in when its session expires",
  async () => {
    const { page, context } = await expiring();
    await page.getByRole("button", { name: "Sign in" }).waitFor({ timeout: 80_000 });
    await expectNothingLeft(page);
    expect(page.url()).toBe(`${ferry.url}/console/commands?state=overdue`);
    await context.close();
  },
  120_000,
);
