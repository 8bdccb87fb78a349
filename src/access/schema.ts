import * as v from "valibot";
import { roles } from "../core/words.ts";
import { integer, object, pageOf, pageQuery, strictObject, text, time } from "../http/wire.ts";

const MIN_PASSWORD = 8;
const MAX_PASSWORD = 128;

const AccountName = v.pipe(
  text(1, 64),
  v.regex(/^[A-Za-z0-9_-]+$/, "takes A-Z a-z 0-9 - _ only"),
  v.description("1 to 64 of A-Z a-z 0-9 - _; unique on this instance."),
);

export const CreateAccountBody = strictObject({ name: AccountName });

export const Account = object({
  id: v.pipe(v.string(), v.description("The IAM domain id.")),
  name: v.string(),
  project_id: v.pipe(v.string(), v.description("Project of the configured region.")),
  created_at: time(),
});
export type Account = v.InferOutput<typeof Account>;

const onOtherAccounts = v.optional(
  v.pipe(AccountName, v.description("Absent: the caller's own; another one takes an admin of the first account.")),
);

const UserName = v.pipe(
  text(1, 64),
  v.regex(/^[A-Za-z0-9._@-]+$/, "takes A-Z a-z 0-9 . _ @ - only"),
  v.description("1 to 64 of A-Z a-z 0-9 . _ @ -; unique in the account."),
);
const Role = v.picklist(roles);
const Password = v.pipe(text(MIN_PASSWORD, MAX_PASSWORD), v.description("8 to 128 characters."));

export const CreateUserBody = strictObject({
  name: UserName,
  role: Role,
  account: onOtherAccounts,
  password: v.optional(Password),
});
export type CreateUserBody = v.InferOutput<typeof CreateUserBody>;

export const UpdateUserBody = strictObject({
  role: v.optional(Role),
  password: v.optional(Password),
  disabled: v.optional(
    v.pipe(v.boolean(), v.description("true: keys and tokens are worth nothing until it is false.")),
  ),
});
export type UpdateUserBody = v.InferOutput<typeof UpdateUserBody>;

export const User = object({
  id: v.string(),
  name: v.string(),
  role: Role,
  has_password: v.pipe(v.boolean(), v.description("Whether it can sign in by password.")),
  created_at: time(),
  disabled_at: v.nullable(time()),
});
export type User = v.InferOutput<typeof User>;

export const ListUsersQuery = strictObject({
  account: onOtherAccounts,
  name: v.optional(v.pipe(text(1, 64), v.description("The exact name."))),
  ...pageQuery,
});
export type ListUsersQuery = v.InferOutput<typeof ListUsersQuery>;

export const UserPage = pageOf(User);
export type UserPage = v.InferOutput<typeof UserPage>;

export const CreateKeyBody = v.pipe(
  strictObject({
    role: v.optional(v.pipe(Role, v.description("What the key may do, of what its user may; absent: all of that."))),
    user: v.optional(
      v.pipe(
        UserName,
        v.description("Whose key it is. Absent: the caller's or, in another account, its first admin's."),
      ),
    ),
    account: onOtherAccounts,
    description: v.optional(text(0, 255)),
    expires_in_s: v.optional(
      v.pipe(
        integer(60, 7 * 24 * 3600),
        v.description("Makes a temporary key: it ends after so many seconds, and goes with a security token."),
      ),
    ),
    enrolment: v.optional(
      v.pipe(v.boolean(), v.description("true: an agent's key that is good for the one source it registers first.")),
    ),
  }),
  v.check(
    ({ enrolment, role }) => !enrolment || role === undefined || role === "agent",
    "an enrolment key has the role agent",
  ),
);
export type CreateKeyBody = v.InferOutput<typeof CreateKeyBody>;

export const RotateKeyBody = strictObject({
  overlap_s: v.optional(
    v.pipe(
      integer(0, 30 * 24 * 3600),
      v.description("Seconds the old key stays good beside the new one; absent: 86400, a day."),
    ),
    24 * 3600,
  ),
});

export const NewKey = object({
  access_key: v.string(),
  secret_key: v.pipe(v.string(), v.description("Shown this once.")),
  security_token: v.optional(
    v.pipe(v.string(), v.description("Of a temporary key: goes along as X-Security-Token. Shown this once.")),
  ),
  account_id: v.string(),
  project_id: v.string(),
  user_name: v.string(),
  role: Role,
  expires_at: v.nullable(time()),
});
export type NewKey = v.InferOutput<typeof NewKey>;

export const AccessKey = object({
  access_key: v.string(),
  project_id: v.string(),
  user_name: v.string(),
  role: v.pipe(Role, v.description("The key may do what this role and its user's both may.")),
  user_role: Role,
  description: v.nullable(v.string()),
  temporary: v.boolean(),
  enrolment: v.boolean(),
  source_id: v.pipe(v.nullable(v.string()), v.description("The one source the key is good for.")),
  created_at: time(),
  expires_at: v.nullable(time()),
  disabled_at: v.nullable(time()),
});
export type AccessKey = v.InferOutput<typeof AccessKey>;

export const ListQuery = strictObject(pageQuery);
export type ListQuery = v.InferOutput<typeof ListQuery>;

export const ListKeysQuery = strictObject({
  account: onOtherAccounts,
  ...pageQuery,
});
export type ListKeysQuery = v.InferOutput<typeof ListKeysQuery>;

export const KeyPage = pageOf(AccessKey);
export type KeyPage = v.InferOutput<typeof KeyPage>;

export const AccountPage = pageOf(Account);
export type AccountPage = v.InferOutput<typeof AccountPage>;

const CreateSession = strictObject({
  user: v.optional(v.pipe(text(1, 64), v.description("With its password; its name."))),
  password: v.optional(text(0, 4096)),
  account: v.optional(v.pipe(text(1, 64), v.description("Of the user; absent: default, the instance's first."))),
  access_key: v.optional(v.pipe(text(1, 64), v.description("With its secret key, instead of a user."))),
  secret_key: v.optional(text(1, 255)),
  security_token: v.optional(v.pipe(text(1, 16_384), v.description("Of a temporary key."))),
});

type Shown = v.InferOutput<typeof CreateSession>;
type ByUser = { user: string; password: string; account?: string | undefined };
type ByKey = { access_key: string; secret_key: string; security_token?: string | undefined };

const isByUser = ({ user, password, access_key, secret_key, security_token }: Shown) =>
  user !== undefined && password !== undefined && (access_key ?? secret_key ?? security_token) === undefined;
const isByKey = ({ access_key, secret_key, user, password, account }: Shown) =>
  access_key !== undefined && secret_key !== undefined && (user ?? password ?? account) === undefined;

export const CreateSessionBody = v.pipe(
  CreateSession,
  v.check(
    (shown) => isByUser(shown) || isByKey(shown),
    "signing in takes user and password (and account), or access_key and secret_key (and security_token)",
  ),
  v.transform((shown) => shown as ByUser | ByKey),
);
export type CreateSessionBody = v.InferOutput<typeof CreateSessionBody>;

/** Who calls, as the service sees it. */
export const CallerReply = object({
  account_id: v.string(),
  account_name: v.string(),
  actor: v.pipe(v.string(), v.description("As events name the caller: an access key, or user:NAME.")),
  roles: v.pipe(v.array(Role), v.description("The caller may do what each of them may.")),
  bound_to: v.pipe(
    v.nullable(v.string()),
    v.description("The one source an agent's key is good for; null: any of the account, or none yet."),
  ),
  expires_at: v.pipe(v.nullable(time()), v.description("When these credentials end by themselves; null: never.")),
  version: v.pipe(v.string(), v.description("The service's.")),
});
export type ShownCaller = Omit<v.InferOutput<typeof CallerReply>, "version">;
