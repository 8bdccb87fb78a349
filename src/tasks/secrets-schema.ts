import * as v from "valibot";
import { object, queryBoolean, text } from "../http/wire.ts";

/* Names and bounds are the contract's: models of the SMS v3 API. */

export const ShowPassphraseResponse = object({ task_id: text(0, 255), passphrase: text(0, 255) });
export type ShowPassphraseResponse = v.InferOutput<typeof ShowPassphraseResponse>;

export const ShowCertKeyQuery = object({
  enable_ca_cert: v.optional(
    v.pipe(queryBoolean(), v.description("Adds the authority and what the target machine needs.")),
  ),
});
export type ShowCertKeyQuery = v.InferOutput<typeof ShowCertKeyQuery>;

const pem = () => text(1, 1048576);

export const ShowCertKeyResponse = object({
  cert: pem(),
  private_key: pem(),
  ca: v.optional(pem()),
  target_mgmt_cert: v.optional(pem()),
  target_mgmt_private_key: v.optional(pem()),
  target_data_cert: v.optional(pem()),
  target_data_private_key: v.optional(pem()),
});
export type ShowCertKeyResponse = v.InferOutput<typeof ShowCertKeyResponse>;
