import { Hono } from "hono";
import * as v from "valibot";
import { roles } from "../core/words.ts";
import { type Env, operation } from "../http/operation.ts";
import { text } from "../http/wire.ts";
import {
  AccessKey,
  Account,
  AccountPage,
  CallerReply,
  CreateAccountBody,
  CreateKeyBody,
  CreateUserBody,
  KeyPage,
  ListKeysQuery,
  ListQuery,
  ListUsersQuery,
  NewKey,
  RotateKeyBody,
  UpdateUserBody,
  User,
  UserPage,
} from "./schema.ts";
import type { Access } from "./service.ts";

const UserId = v.object({ user_id: text(1, 64) });
const KeyName = v.object({ access_key: text(1, 64) });

export const accessOperate = new Hono<Env<{ access: Access; version: string }>>()
  .get(
    "/operate/v1/me",
    operation("showCaller", {
      summary: "Who calls, and what the caller may",
      roles,
      reply: CallerReply,
    }),
    async (c) => {
      const { access, version } = c.env.services;
      return c.json({ ...(await access.sessions.showCaller(c.var.principal)), version });
    },
  )
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
    async (c) =>
      c.json(await c.env.services.access.accounts.createAccount(c.var.principal, c.req.valid("json").name), 201),
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
    async (c) => c.json(await c.env.services.access.accounts.listAccounts(c.var.principal, c.req.valid("query"))),
  )
  .post(
    "/operate/v1/users",
    operation("createUser", {
      summary: "Make a user; with a password it can sign in",
      roles: ["admin"],
      json: CreateUserBody,
      example: { name: "agents", role: "agent" },
      reply: User,
      status: 201,
    }),
    async (c) => c.json(await c.env.services.access.users.createUser(c.var.principal, c.req.valid("json")), 201),
  )
  .get(
    "/operate/v1/users",
    operation("listUsers", {
      summary: "Users of an account",
      roles: ["admin"],
      query: ListUsersQuery,
      reply: UserPage,
    }),
    async (c) => c.json(await c.env.services.access.users.listUsers(c.var.principal, c.req.valid("query"))),
  )
  .patch(
    "/operate/v1/users/:user_id",
    operation("updateUser", {
      summary: "Change a user's role or password, disable or enable it",
      description: "Each of these ends the user's tokens at once.",
      roles: ["admin"],
      param: UserId,
      json: UpdateUserBody,
      example: { disabled: true },
      reply: User,
    }),
    async (c) =>
      c.json(
        await c.env.services.access.users.updateUser(c.var.principal, c.req.param("user_id"), c.req.valid("json")),
      ),
  )
  .delete(
    "/operate/v1/users/:user_id",
    operation("deleteUser", {
      summary: "Delete a user with its keys and tokens",
      roles: ["admin"],
      param: UserId,
      reply: v.strictObject({}),
    }),
    async (c) => {
      await c.env.services.access.users.deleteUser(c.var.principal, c.req.param("user_id"));
      return c.json({});
    },
  )
  .post(
    "/operate/v1/keys",
    operation("createKey", {
      summary: "Make an access key; its secret is shown this once",
      roles: ["admin"],
      json: CreateKeyBody,
      example: { enrolment: true, description: "agents of rack 7" },
      reply: NewKey,
      status: 201,
    }),
    async (c) => c.json(await c.env.services.access.keys.createKey(c.var.principal, c.req.valid("json")), 201),
  )
  .get(
    "/operate/v1/keys",
    operation("listKeys", {
      summary: "Access keys of an account",
      roles: ["admin"],
      query: ListKeysQuery,
      reply: KeyPage,
    }),
    async (c) => c.json(await c.env.services.access.keys.listKeys(c.var.principal, c.req.valid("query"))),
  )
  .post(
    "/operate/v1/keys/:access_key/disable",
    operation("disableKey", {
      summary: "Make an access key worthless at once",
      roles: ["admin"],
      param: KeyName,
      reply: AccessKey,
    }),
    async (c) => c.json(await c.env.services.access.keys.disableKey(c.var.principal, c.req.param("access_key"))),
  )
  .post(
    "/operate/v1/keys/:access_key/rotate",
    operation("rotateKey", {
      summary: "Make a key in place of another one, which stays good for a while",
      roles: ["admin"],
      param: KeyName,
      json: RotateKeyBody,
      example: { overlap_s: 3600 },
      reply: NewKey,
      status: 201,
    }),
    async (c) => {
      const { overlap_s } = c.req.valid("json");
      return c.json(
        await c.env.services.access.keys.rotateKey(c.var.principal, c.req.param("access_key"), overlap_s),
        201,
      );
    },
  );
