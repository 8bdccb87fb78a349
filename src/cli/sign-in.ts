import { type Connection, client, signedFetch } from "../client/client.ts";
import type { ChosenConnection } from "./connection.ts";
import { withConnection } from "./connection-failure.ts";
import { CliFailure } from "./failure.ts";
import type { Profile } from "./profiles.ts";
import { successful } from "./verb.ts";

/** A service, without anybody who calls it. */
export type Address = Pick<Connection, "endpoint" | "ca">;

/** The key, once the service has accepted a call signed with it. */
export async function signInWithKey(address: Address, access_key: string, secret_key: string): Promise<Profile> {
  const connection = { ...address, access_key, secret_key };
  await calling(address, () => successful(signedFetch(connection, Date.now(), `${address.endpoint}/v3`)));
  return connection;
}

/** A token for the user. */
export async function signInAsUser(
  address: Address,
  user: string,
  account: string,
  password: string,
): Promise<Profile> {
  const domain = { name: account };
  const json = {
    auth: {
      identity: { methods: ["password" as const], password: { user: { name: user, password, domain } } },
      scope: { domain },
    },
  };
  const { tokens } = client(address, Date.now).v3.auth;
  const response = await calling(address, () => successful(tokens.$post({ query: { nocatalog: "1" }, json })));
  const token = response.headers.get("x-subject-token");
  const { expires_at } = (await response.json()).token;
  if (!token || typeof expires_at !== "string" || Number.isNaN(Date.parse(expires_at))) {
    throw new CliFailure("failed", `${address.endpoint} gave no token with its end: is it ferry?`);
  }
  return { ...address, user, account, token, token_expires_at: expires_at };
}

async function calling<Answer>({ endpoint }: Address, call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (error) {
    throw withConnection(error, { endpoint, source: "--endpoint" } satisfies ChosenConnection);
  }
}
