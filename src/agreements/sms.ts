import { Hono } from "hono";
import { type Env, operation } from "../http/operation.ts";
import { strictObject } from "../http/wire.ts";
import { ShowPrivacyAgreementsResponse } from "./schema.ts";
import type { Agreements } from "./service.ts";

export const agreementsSms = new Hono<Env<{ agreements: Agreements }>>()
  .post(
    "/v3/privacy-agreements",
    operation("createPrivacyAgreements", {
      summary: "Accept the privacy agreement for the account",
      roles: ["agent", "operator", "admin"],
      reply: strictObject({}),
    }),
    async (c) => {
      await c.env.services.agreements.createPrivacyAgreements(c.var.principal);
      return c.json({});
    },
  )
  .get(
    "/v3/privacy-agreements",
    operation("showPrivacyAgreements", {
      summary: "Whether the account has accepted the privacy agreement",
      roles: ["viewer", "agent", "operator", "admin"],
      reply: ShowPrivacyAgreementsResponse,
    }),
    async (c) => c.json(await c.env.services.agreements.showPrivacyAgreements(c.var.principal)),
  );
