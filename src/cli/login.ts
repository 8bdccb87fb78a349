import { askSecret } from "./ask-secret.ts";
import { checkedEndpoint, readCertificates } from "./connection.ts";
import { CliFailure } from "./failure.ts";
import type { Output } from "./output.ts";
import { checkedName, DEFAULT_PROFILE, type Profile, readProfiles, writeProfiles } from "./profiles.ts";
import { type Address, signInAsUser, signInWithKey } from "./sign-in.ts";
import { verb } from "./verb.ts";
import { whereCommandsCall } from "./where.ts";

export const login = verb(
  {
    name: "login",
    description: "Sign in: keep where to call and as whom, as a profile",
    notes: `\
The secret key or password is asked for, or read from standard input where that is no terminal. Once the service has
accepted it, it is kept in ferry/config.toml of $XDG_CONFIG_HOME or ~/.config, for you alone; of a user a token is kept,
never the password. For a profile that is there already its name is enough: ferry login NAME.
`,
  },
  {
    name: { type: "positional", required: false, description: `The profile; default: ${DEFAULT_PROFILE}` },
    endpoint: { type: "string", valueHint: "url", description: "The service, http://HOST:PORT or https://HOST" },
    cacert: { type: "string", valueHint: "file", description: "Certificates to trust beside the system's (PEM)" },
    "access-key": { type: "string", description: "Sign in with this key" },
    "secret-stdin": { type: "boolean", description: "Its secret key is on standard input" },
    user: { type: "string", description: "Sign in as this user" },
    account: { type: "string", description: "The user's account; default: default" },
    "password-stdin": { type: "boolean", description: "The user's password is on standard input" },
  },
  async ({ args, output }) => {
    const { profile: byFlag } = args as { profile?: string };
    if (args.name !== undefined && byFlag !== undefined) {
      throw new CliFailure("usage", "the profile is named twice: leave out --profile");
    }
    const name = checkedName(args.name ?? byFlag ?? (process.env.FERRY_PROFILE || DEFAULT_PROFILE));
    const profiles = readProfiles(process.env);
    const before = profiles.byName.get(name);
    const who = whoSignsIn(before, args);
    const address = addressOf(name, before, args);
    if (args.endpoint === undefined) output.tell(`signing in to ${address.endpoint} as ${who.user ?? who.accessKey}`);
    const profile = await signIn(address, who, args, output);
    profiles.byName.set(name, profile);
    writeProfiles({ ...profiles, current: name });
    const until = profile.token_expires_at === undefined ? "" : ` until ${profile.token_expires_at}`;
    output.tell(`signed in as ${who.user ?? who.accessKey}${until}; kept as profile ${name} in ${profiles.path}`);
    tellWhatComesFirst(name, output);
  },
);

interface LoginArgs {
  endpoint?: string | undefined;
  cacert?: string | undefined;
  "access-key"?: string | undefined;
  "secret-stdin"?: boolean | undefined;
  user?: string | undefined;
  account?: string | undefined;
  "password-stdin"?: boolean | undefined;
}

type Who = { user: string; account: string; accessKey?: never } | { accessKey: string; user?: never };

/** By the flags, else as before. */
function whoSignsIn(before: Profile | undefined, args: LoginArgs): Who {
  const { user, account, "access-key": accessKey } = args;
  if (user !== undefined && accessKey !== undefined) {
    throw new CliFailure("usage", "--user and --access-key are two ways to sign in: give one");
  }
  if (account !== undefined && user === undefined) throw new CliFailure("usage", "--account goes with --user");
  if (user !== undefined) return { user, account: account ?? "default" };
  if (accessKey !== undefined) return { accessKey };
  if (before?.user !== undefined) return { user: before.user, account: before.account ?? "default" };
  if (before?.access_key !== undefined) return { accessKey: before.access_key };
  throw new CliFailure("usage", "as whom? --user NAME asks for a password, --access-key KEY for its secret");
}

function newProfile(name: string): string {
  const called = name === DEFAULT_PROFILE ? "" : ` ${name}`;
  return `there is no profile ${name} yet: ferry login${called} --endpoint URL --user NAME (or --access-key KEY)`;
}

function addressOf(name: string, before: Profile | undefined, args: LoginArgs): Address {
  const endpoint = args.endpoint === undefined ? before?.endpoint : checkedEndpoint("--endpoint", args.endpoint);
  if (endpoint === undefined) throw new CliFailure("usage", newProfile(name));
  const { FERRY_CACERT } = process.env;
  if (args.cacert !== undefined) return { endpoint, ca: readCertificates("--cacert", args.cacert) };
  if (FERRY_CACERT) return { endpoint, ca: readCertificates("FERRY_CACERT", FERRY_CACERT) };
  // Another service is not trusted for the certificates of the one before.
  return { endpoint, ca: before?.endpoint === endpoint ? before.ca : undefined };
}

async function signIn(address: Address, who: Who, args: LoginArgs, output: Output): Promise<Profile> {
  if (who.accessKey !== undefined) {
    return signInWithKey(address, who.accessKey, await askSecret("secret key", args["secret-stdin"]));
  }
  const { protocol, hostname } = new URL(address.endpoint);
  if (protocol === "http:" && !/^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname)) {
    output.tell(`${address.endpoint} is not encrypted: password and token can be read on the way`);
  }
  return signInAsUser(address, who.user, who.account, await askSecret("password", args["password-stdin"]));
}

/** Whoever has signed in expects to call that service from now on. */
function tellWhatComesFirst(name: string, output: Output): void {
  const { profile, words } = whereCommandsCall();
  if (profile !== name) output.tell(`commands here ${words}; --profile ${name} calls the new profile`);
}
