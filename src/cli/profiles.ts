import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import * as v from "valibot";
import { writePrivateFile } from "../core/private-file.ts";
import { CliFailure } from "./failure.ts";

/* What `ferry login` keeps: config.toml in the user's own configuration folder. */

/** Loose: what a newer ferry keeps here is not lost when this one writes. */
const Profile = v.looseObject({
  endpoint: v.string(),
  access_key: v.optional(v.string()),
  secret_key: v.optional(v.string()),
  /** Who the token is of. */
  user: v.optional(v.string()),
  account: v.optional(v.string()),
  token: v.optional(v.string()),
  token_expires_at: v.optional(v.string()),
  /** PEM text: the file it was read from may go. */
  ca: v.optional(v.string()),
});
export type Profile = v.InferOutput<typeof Profile>;

const ConfigFile = v.looseObject({
  current: v.optional(v.string()),
  // v.record would drop a profile named constructor.
  profile: v.optional(
    v.custom<Record<string, unknown>>((value) => typeof value === "object" && value !== null),
    {},
  ),
});

export const DEFAULT_PROFILE = "default";

export interface Profiles {
  path: string;
  current: string | undefined;
  byName: Map<string, Profile>;
  /** What else the file holds. */
  rest: Record<string, unknown>;
}

/** Throws if the file is there and others can read it, or if it is not of ferry's form. */
export function readProfiles(environment: NodeJS.ProcessEnv): Profiles {
  const path = configPath(environment);
  const text = readOwnFile(path);
  const { current, profile, ...rest } = checked(path, ConfigFile, text === undefined ? {} : parseToml(path, text));
  const entries = Object.entries(profile).map(([name, values]): [string, Profile] => [
    name,
    checked(path, Profile, values, `profile.${name}`),
  ]);
  const byName = new Map(entries);
  return { path, current: current !== undefined && byName.has(current) ? current : undefined, byName, rest };
}

export function writeProfiles({ path, current, byName, rest }: Profiles): void {
  const profile = Object.fromEntries([...byName].map(([name, values]) => [name, withoutUndefined(values)]));
  writePrivateFile(path, Bun.TOML.stringify({ ...rest, ...(current !== undefined && { current }), profile }));
}

/** A profile that has to be there. */
export function profileNamed(profiles: Profiles, name: string): Profile {
  const profile = profiles.byName.get(name);
  if (profile) return profile;
  const names = [...profiles.byName.keys()].join(", ");
  throw new CliFailure("notFound", `there is no profile ${name}: ${names === "" ? "ferry login makes one" : names}`);
}

/** Throws unless the text can be a profile's name. */
export function checkedName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(name)) return name;
  throw new CliFailure(
    "usage",
    `a profile's name is 1 to 64 of A-Z a-z 0-9 _ . - and begins with a letter or digit, not ${JSON.stringify(name)}`,
  );
}

function configPath(environment: NodeJS.ProcessEnv): string {
  const base = environment.XDG_CONFIG_HOME;
  // The XDG specification: a relative path there is to be ignored.
  const folder = base && isAbsolute(base) ? base : join(environment.HOME || homedir(), ".config");
  return join(folder, "ferry", "config.toml");
}

function readOwnFile(path: string): string | undefined {
  try {
    if (process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0) {
      throw new CliFailure("failed", `${path} can be read by others: run chmod 600 ${path}`);
    }
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function parseToml(path: string, text: string): unknown {
  try {
    return Bun.TOML.parse(text);
  } catch {
    // Without the reason: it quotes the text, which may be a secret.
    throw new CliFailure("usage", `${path} is not TOML any more: mend it, or remove it and sign in again`);
  }
}

function checked<Schema extends v.GenericSchema>(path: string, schema: Schema, value: unknown, place = "") {
  const found = v.safeParse(schema, value);
  if (found.success) return found.output;
  const [issue] = found.issues;
  const member = [place, v.getDotPath(issue)].filter(Boolean).join(".");
  // Without the value: it may be a secret.
  throw new CliFailure("usage", `${path}: ${member} is not what ferry login writes there`);
}

function withoutUndefined(profile: Profile): Profile {
  return Object.fromEntries(Object.entries(profile).filter(([, value]) => value !== undefined)) as Profile;
}
