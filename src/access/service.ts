import type { Platform } from "../core/platform.ts";
import type { Sealer } from "../core/sealed.ts";
import type { Database } from "../db/database.ts";
import { Accounts } from "./accounts.ts";
import { Credentials } from "./credentials.ts";
import { Keys } from "./keys.ts";
import type { Passwords } from "./passwords.ts";
import { Projects, type Zones } from "./projects.ts";
import { Sessions } from "./sessions.ts";
import { Tokens } from "./tokens.ts";
import { Users } from "./users.ts";

/** Who works with ferry, and how they prove it: a service for each concept. */
export interface Access {
  credentials: Credentials;
  accounts: Accounts;
  users: Users;
  keys: Keys;
  tokens: Tokens;
  sessions: Sessions;
  projects: Projects;
}

/** `region` names every account's first project. */
export function createAccess(
  platform: Platform,
  database: Database,
  sealer: Sealer,
  passwords: Passwords,
  { region, availability_zones }: { region: string; availability_zones: Zones },
): Access {
  const credentials = new Credentials(platform, database, sealer);
  const keys = new Keys(platform, database, sealer, credentials);
  const projects = new Projects(platform, database, credentials, region, availability_zones);
  return {
    credentials,
    accounts: new Accounts(platform, database, keys, region),
    users: new Users(platform, database, credentials, passwords),
    keys,
    tokens: new Tokens(platform, database, credentials, projects, passwords),
    sessions: new Sessions(platform, database, credentials, passwords),
    projects,
  };
}
