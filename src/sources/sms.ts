import { Hono } from "hono";
import * as v from "valibot";
import { type Env, operation } from "../http/operation.ts";
import { objectId, strictObject } from "../http/wire.ts";
import {
  ListServersQuery,
  ListServersResponse,
  PostSourceServerBody,
  PutDiskInfoReq,
  PutSourceServerBody,
  RegisterServerResponse,
  ShowOverviewResponse,
  ShowServerResponse,
} from "./schema.ts";
import type { Sources } from "./service.ts";

const SourceId = v.object({ source_id: objectId() });

export const sourcesSms = new Hono<Env<{ sources: Sources }>>()
  .post(
    "/v3/sources",
    operation("registerServer", {
      summary: "Register a source server, or update it with `id`",
      description: "A new source takes name, os_type, os_version, networks, agent_version and ip or ipv6.",
      roles: ["agent", "operator", "admin"],
      json: PostSourceServerBody,
      example: {
        name: "web-1",
        ip: "192.0.2.10",
        os_type: "LINUX",
        os_version: "DEBIAN_12_64BIT",
        agent_version: "1.0",
        networks: [{ name: "eth0", ip: "192.0.2.10", mac: "02:00:00:00:00:01" }],
        has_rsync: true,
        has_tc: true,
        boot_loader: "GRUB",
      },
      reply: RegisterServerResponse,
    }),
    async (c) => c.json(await c.env.services.sources.registrar.registerServer(c.var.principal, c.req.valid("json"))),
  )
  .get(
    "/v3/sources",
    operation("listServers", {
      summary: "Source servers of the account, oldest first",
      roles: ["viewer", "operator", "admin"],
      query: ListServersQuery,
      reply: ListServersResponse,
    }),
    async (c) => c.json(await c.env.services.sources.listServers(c.var.principal, c.req.valid("query"))),
  )
  // Before the path with an id, which it would be else.
  .get(
    "/v3/sources/overview",
    operation("showOverview", {
      summary: "How many source servers are in each state",
      roles: ["viewer", "operator", "admin"],
      reply: ShowOverviewResponse,
    }),
    async (c) => c.json(await c.env.services.sources.showOverview(c.var.principal)),
  )
  .get(
    "/v3/sources/:source_id",
    operation("showServer", {
      summary: "A source server with its disks, networks and checks",
      roles: ["viewer", "agent", "operator", "admin"],
      param: SourceId,
      reply: ShowServerResponse,
    }),
    async (c) => c.json(await c.env.services.sources.showServer(c.var.principal, c.req.param("source_id"))),
  )
  .put(
    "/v3/sources/:source_id",
    operation("updateServerName", {
      summary: "Rename a source server, move it to a migration project, choose what to migrate",
      roles: ["operator", "admin"],
      param: SourceId,
      json: PutSourceServerBody,
      example: { name: "web-one" },
      reply: strictObject({}),
    }),
    async (c) => {
      await c.env.services.sources.updateServerName(c.var.principal, c.req.param("source_id"), c.req.valid("json"));
      return c.json({});
    },
  )
  .put(
    "/v3/sources/:source_id/diskinfo",
    operation("updateDiskInfo", {
      summary: "Replace the disks, volume groups or file systems of a source server",
      description: "A kind that is absent stays. Ids are given anew; what was set on a disk of the same name stays.",
      roles: ["agent", "operator", "admin"],
      param: SourceId,
      json: PutDiskInfoReq,
      example: { disks: [{ name: "/dev/vda", device_use: "BOOT", size: 42949672960 }] },
      reply: strictObject({}),
    }),
    async (c) => {
      await c.env.services.sources.updateDiskInfo(c.var.principal, c.req.param("source_id"), c.req.valid("json"));
      return c.json({});
    },
  );
