import { Hono } from "hono";
import * as v from "valibot";
import { CONSOLE_HEADER, cookieNameOf, refuseOtherSites, sessionsIn } from "../auth/session.ts";
import { type Env, operation } from "../http/operation.ts";
import { CallerReply, CreateSessionBody } from "./schema.ts";
import type { Access } from "./service.ts";

const requiredHeaders = { [CONSOLE_HEADER]: "Any value: no other site's page can send it" };
const replyHeaders = { "Set-Cookie": "The session, for /console only" };

/** Signing in and out at the console. What it calls then is under /console/api: see app.ts. */
export const accessConsole = new Hono<Env<{ access: Access; version: string }>>()
  .post(
    "/console/session",
    operation("createSession", {
      summary: "Sign in at the console, as a user or with an access key",
      description:
        "The session comes as a cookie and is good for 24 hours under /console/api, where every operation is served once more; by a key no longer than the key, and for what the key is good for.",
      roles: [],
      requiredHeaders,
      json: CreateSessionBody,
      // Nobody has signed in yet.
      maxBodyBytes: 64 * 1024,
      example: { user: "maria", password: "..." },
      reply: CallerReply,
      status: 201,
      replyHeaders,
    }),
    async (c) => {
      const { raw } = c.req;
      refuseOtherSites(raw);
      const { access, version } = c.env.services;
      const address = c.env.told.address ?? null;
      const { session, lasts_s, caller } = await access.sessions.createSession(
        c.req.valid("json"),
        address,
        sessionsIn(raw),
      );
      setCookie(c, session, lasts_s);
      return c.json({ ...caller, version }, 201);
    },
  )
  .delete(
    "/console/session",
    operation("deleteSession", {
      summary: "Sign out at the console",
      description: "The cookie's session ends at once. Without one that holds nothing is done.",
      roles: [],
      requiredHeaders,
      reply: v.strictObject({}),
      replyHeaders,
    }),
    async (c) => {
      refuseOtherSites(c.req.raw);
      await c.env.services.access.sessions.deleteSession(sessionsIn(c.req.raw), c.env.told.address ?? null);
      setCookie(c, "", 0);
      return c.json({});
    },
  );

interface Answering {
  req: { raw: Request };
  header(name: string, value: string): void;
}

/** No script sees it, no other site's page brings it along, and nothing but the console is sent it. */
function setCookie(c: Answering, value: string, lasts_s: number): void {
  const { raw } = c.req;
  const isSecure = raw.url.startsWith("https:") || /^\s*https\b/i.test(raw.headers.get("x-forwarded-proto") ?? "");
  const attributes = ["Path=/console", `Max-Age=${lasts_s}`, "HttpOnly", "SameSite=Strict"];
  if (isSecure) attributes.push("Secure");
  c.header("Set-Cookie", [`${cookieNameOf(raw)}=${value}`, ...attributes].join("; "));
  c.header("Cache-Control", "no-store");
}
