import * as v from "valibot";
import { roles } from "../auth/principal.ts";
import { pageOf, pageQuery, text, time } from "../http/wire.ts";

const AccountName = v.pipe(
  text(1, 64),
  v.regex(/^[A-Za-z0-9_-]+$/, "takes A-Z a-z 0-9 - _ only"),
  v.description("1 to 64 of A-Z a-z 0-9 - _; unique on this instance."),
);

export const CreateAccountBody = v.strictObject({ name: AccountName });

export const Account = v.object({
  id: v.pipe(v.string(), v.description("The IAM domain id.")),
  name: v.string(),
  project_id: v.pipe(v.string(), v.description("Project of the configured region.")),
  created_at: time(),
});
export type Account = v.InferOutput<typeof Account>;

export const CreateKeyBody = v.strictObject({
  role: v.pipe(v.picklist(roles), v.description("What the key may do.")),
  account: v.optional(
    v.pipe(AccountName, v.description("Absent: the caller's own; another one takes an admin of the first account.")),
  ),
  description: v.optional(text(0, 255)),
});
export type CreateKeyBody = v.InferOutput<typeof CreateKeyBody>;

export const NewKey = v.object({
  access_key: v.string(),
  secret_key: v.pipe(v.string(), v.description("Shown this once.")),
  account_id: v.string(),
  project_id: v.string(),
  role: v.picklist(roles),
});
export type NewKey = v.InferOutput<typeof NewKey>;

export const AccessKey = v.object({
  access_key: v.string(),
  project_id: v.string(),
  role: v.picklist(roles),
  description: v.nullable(v.string()),
  created_at: time(),
  disabled_at: v.nullable(time()),
});
export type AccessKey = v.InferOutput<typeof AccessKey>;

export const ListQuery = v.strictObject(pageQuery);
export type ListQuery = v.InferOutput<typeof ListQuery>;

export const ListKeysQuery = v.strictObject({
  account: v.optional(v.pipe(AccountName, v.description("As for createKey."))),
  ...pageQuery,
});
export type ListKeysQuery = v.InferOutput<typeof ListKeysQuery>;

export const KeyPage = pageOf(AccessKey);
export type KeyPage = v.InferOutput<typeof KeyPage>;

export const AccountPage = pageOf(Account);
export type AccountPage = v.InferOutput<typeof AccountPage>;
