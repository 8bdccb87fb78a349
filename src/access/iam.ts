import { Hono } from "hono";
import * as v from "valibot";
import { Failure } from "../core/failure.ts";
import { roles } from "../core/words.ts";
import { type Env, operation } from "../http/operation.ts";
import { text } from "../http/wire.ts";
import {
  AvailabilityZones,
  ByName,
  CreateTokenBody,
  CreateTokenQuery,
  Domains,
  Projects,
  Token,
  Users,
} from "./iam-schema.ts";
import type { Access } from "./service.ts";

const subjectToken = { "X-Subject-Token": "The token" };

/** The neighbours of SMS that its clients ask first. Source: docs/decisions.md, "Neighbours on the same port". */
export const accessIam = new Hono<Env<{ access: Access }>>()
  .post(
    "/v3/auth/tokens",
    operation("createToken", {
      summary: "Sign in: a token for a password or for another token",
      description: "The token comes in X-Subject-Token and goes along as X-Auth-Token, for 24 hours.",
      roles: [],
      dialect: "iam",
      query: CreateTokenQuery,
      json: CreateTokenBody,
      // Room for the longest token. Nobody has signed in yet, and parsing much takes long.
      maxBodyBytes: 64 * 1024,
      example: {
        auth: {
          identity: {
            methods: ["password"],
            password: { user: { name: "maria", domain: { name: "default" }, password: "..." } },
          },
        },
      },
      reply: Token,
      status: 201,
      replyHeaders: subjectToken,
    }),
    async (c) => {
      const { token, body } = await c.env.services.access.tokens.createToken(
        c.req.valid("json"),
        c.env.told.address ?? null,
      );
      c.header("X-Subject-Token", token);
      return c.json(c.req.valid("query").nocatalog ? withoutCatalog(body) : body, 201);
    },
  )
  .get(
    "/v3/auth/tokens",
    operation("showToken", {
      summary: "What a token of the account is",
      roles,
      dialect: "iam",
      query: CreateTokenQuery,
      requiredHeaders: { "X-Subject-Token": "The token asked about" },
      reply: Token,
      replyHeaders: subjectToken,
    }),
    async (c) => {
      const token = c.req.header("X-Subject-Token");
      if (!token) throw new Failure("invalid", "the header X-Subject-Token is missing: the token asked about");
      const body = await c.env.services.access.tokens.showToken(c.var.principal, token);
      c.header("X-Subject-Token", token);
      return c.json(c.req.valid("query").nocatalog ? withoutCatalog(body) : body);
    },
  )
  .get(
    "/v3/projects",
    operation("listProjects", {
      summary: "The account's projects; the one of a name is made if it is not there",
      roles,
      dialect: "iam",
      query: ByName,
      reply: Projects,
    }),
    async (c) => {
      const { projects } = c.env.services.access;
      const { name } = c.req.valid("query");
      const named = name === undefined ? undefined : await projects.projectNamed(c.var.principal, name);
      const found = name === undefined ? await projects.listProjects(c.var.principal) : named ? [named] : [];
      const { account_id } = c.var.principal;
      return c.json({ projects: found.map((project) => toProject(project, account_id)), links: links(c.req.url) });
    },
  )
  .get(
    "/v3/auth/domains",
    operation("listDomains", {
      summary: "The caller's account",
      roles,
      dialect: "iam",
      query: ByName,
      reply: Domains,
    }),
    async (c) => {
      const { id, name } = await c.env.services.access.accounts.ownAccount(c.var.principal);
      return c.json({ domains: [{ id, name, enabled: true, description: "" }], links: links(c.req.url) });
    },
  )
  .get(
    "/v3/users",
    operation("listAccountUsers", {
      summary: "Users of the account, all or by name",
      roles,
      dialect: "iam",
      query: ByName,
      reply: Users,
    }),
    async (c) => {
      const found = await c.env.services.access.users.usersNamed(c.var.principal, c.req.valid("query").name);
      const domain_id = c.var.principal.account_id;
      const users = found.map(({ id, name, disabled_at }) => ({ id, name, domain_id, enabled: disabled_at === null }));
      return c.json({ users, links: links(c.req.url) });
    },
  )
  .get(
    "/v2.1/:project_id/os-availability-zone",
    operation("listAvailabilityZones", {
      summary: "Zones of the region a project is named for",
      roles,
      param: v.object({ project_id: text(1, 64) }),
      reply: AvailabilityZones,
    }),
    async (c) => {
      const zones = await c.env.services.access.projects.zones(c.var.principal, c.req.param("project_id"));
      const availabilityZoneInfo = zones.map((zoneName) => ({ zoneName, zoneState: { available: true }, hosts: null }));
      return c.json({ availabilityZoneInfo });
    },
  );

function withoutCatalog({ token: { catalog: _, ...token } }: Token): Token {
  return { token };
}

function toProject({ id, name }: { id: string; name: string }, domain_id: string) {
  return { id, name, domain_id, parent_id: domain_id, enabled: true, is_domain: false, description: "" };
}

function links(self: string) {
  return { self, next: null, previous: null };
}
