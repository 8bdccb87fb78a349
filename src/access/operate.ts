import { Hono } from "hono";
import * as v from "valibot";
import { type Env, operation } from "../http/operation.ts";
import { text } from "../http/wire.ts";
import {
  AccessKey,
  Account,
  AccountPage,
  CreateAccountBody,
  CreateKeyBody,
  KeyPage,
  ListKeysQuery,
  ListQuery,
  NewKey,
} from "./schema.ts";
import type { Access } from "./service.ts";

export const accessOperate = new Hono<Env<{ access: Access }>>()
  .post(
    "/operate/v1/accounts",
    operation("createAccount", {
      summary: "Make an account (a tenant) with a project of the configured region",
      description: "Admins of the instance's first account only.",
      roles: ["admin"],
      json: CreateAccountBody,
      example: { name: "tenant-1" },
      reply: Account,
      status: 201,
    }),
    async (c) => c.json(await c.var.access.createAccount(c.var.principal, c.req.valid("json").name), 201),
  )
  .get(
    "/operate/v1/accounts",
    operation("listAccounts", {
      summary: "Accounts of this instance",
      description: "Admins of the instance's first account only.",
      roles: ["admin"],
      query: ListQuery,
      reply: AccountPage,
    }),
    async (c) => c.json(await c.var.access.listAccounts(c.var.principal, c.req.valid("query"))),
  )
  .post(
    "/operate/v1/keys",
    operation("createKey", {
      summary: "Make an access key; its secret is shown this once",
      roles: ["admin"],
      json: CreateKeyBody,
      example: { role: "agent", description: "agents of rack 7" },
      reply: NewKey,
      status: 201,
    }),
    async (c) => c.json(await c.var.access.createKey(c.var.principal, c.req.valid("json")), 201),
  )
  .get(
    "/operate/v1/keys",
    operation("listKeys", {
      summary: "Access keys of an account",
      roles: ["admin"],
      query: ListKeysQuery,
      reply: KeyPage,
    }),
    async (c) => c.json(await c.var.access.listKeys(c.var.principal, c.req.valid("query"))),
  )
  .post(
    "/operate/v1/keys/:access_key/disable",
    operation("disableKey", {
      summary: "Make an access key worthless at once",
      roles: ["admin"],
      param: v.object({ access_key: text(1, 64) }),
      reply: AccessKey,
    }),
    async (c) => c.json(await c.var.access.disableKey(c.var.principal, c.req.param("access_key"))),
  );
