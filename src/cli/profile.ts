import type { ConnectionFlags } from "./connection-flags.ts";
import { printTable } from "./output.ts";
import { DEFAULT_PROFILE, type Profile, profileNamed, readProfiles, writeProfiles } from "./profiles.ts";
import { group, jsonFlag, verb } from "./verb.ts";
import { whereCommandsCall } from "./where.ts";

export const logout = verb(
  { name: "logout", description: "Remove a profile's secret key or token", callsNobody: true },
  { name: { type: "positional", required: false, description: "The profile; default: the current one" } },
  async ({ args, output }) => {
    const profiles = readProfiles(process.env);
    const name = args.name ?? profiles.current ?? DEFAULT_PROFILE;
    const { secret_key, token, token_expires_at, ...rest } = profileNamed(profiles, name);
    profiles.byName.set(name, rest);
    writeProfiles(profiles);
    const note = token === undefined ? "" : `; who has a copy of its token can use it until ${token_expires_at}`;
    output.tell(`profile ${name} is signed out${note}; ferry login ${name} signs in again`);
  },
);

const list = verb(
  { name: "list", description: "The profiles of ferry login, and where this shell's commands call" },
  jsonFlag,
  async ({ args, output }) => {
    const { current, byName } = readProfiles(process.env);
    const items = [...byName].map(([name, profile]) => shown(name, profile, name === current));
    if (args.json) output.print(JSON.stringify(items, null, 2));
    else {
      const rows = items.map((item) => [item.name, item.current ? "*" : "", item.endpoint, item.as, item.state]);
      printTable(output, ["name", "current", "endpoint", "as", "state"], rows);
    }
    output.tell(`commands here ${whereCommandsCall(args as ConnectionFlags).words}`);
  },
);

const use = verb(
  { name: "use", description: "Make a profile the current one", callsNobody: true },
  { name: { type: "positional", required: true, description: "The profile" } },
  async ({ args, output }) => {
    const profiles = readProfiles(process.env);
    profileNamed(profiles, args.name);
    writeProfiles({ ...profiles, current: args.name });
    output.tell(`commands here ${whereCommandsCall().words}`);
  },
);

const remove = verb(
  { name: "delete", description: "Forget a profile", callsNobody: true },
  { name: { type: "positional", required: true, description: "The profile" } },
  async ({ args, output }) => {
    const profiles = readProfiles(process.env);
    profileNamed(profiles, args.name);
    profiles.byName.delete(args.name);
    const wasCurrent = profiles.current === args.name;
    writeProfiles({ ...profiles, current: wasCurrent ? undefined : profiles.current });
    output.tell(`forgot profile ${args.name}${wasCurrent ? ", which was the current one" : ""}`);
  },
);

/** What may be seen of a profile. */
function shown(name: string, profile: Profile, current: boolean) {
  const { endpoint, access_key, secret_key, user, account, token, token_expires_at } = profile;
  const hasExpired = token_expires_at !== undefined && Date.parse(token_expires_at) <= Date.now();
  const state = token
    ? hasExpired
      ? "expired"
      : `until ${token_expires_at}`
    : secret_key
      ? "signed in"
      : "signed out";
  const as = user === undefined ? `key ${access_key}` : `user ${user} of ${account}`;
  return { name, current, endpoint, as, state };
}

export const profile = group("profile", "Where the command line calls", { list, use, delete: remove });
