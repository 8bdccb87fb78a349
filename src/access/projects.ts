import { isOwnContext } from "../auth/authenticate.ts";
import type { Principal } from "../auth/principal.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Database } from "../db/database.ts";
import { record } from "../events/service.ts";
import type { Credentials } from "./credentials.ts";
import { randomHexId } from "./random.ts";
import { insertProject, type ProjectRow, selectProject, selectProjects } from "./store.ts";

const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const MAX_PROJECTS = 100;

/** Availability zones by region. */
export type Zones = Readonly<Record<string, readonly string[]>>;

/** Region projects: every region a client names has one. Source: docs/decisions.md, "Neighbours on the same port". */
export class Projects {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #credentials: Credentials;
  readonly #region: string;
  readonly #zones: Zones;

  constructor(platform: Platform, database: Database, credentials: Credentials, region: string, zones: Zones) {
    this.#platform = platform;
    this.#database = database;
    this.#credentials = credentials;
    this.#region = region;
    this.#zones = zones;
  }

  /** Oldest first. */
  listProjects({ account_seq }: Pick<Principal, "account_seq">): Promise<ProjectRow[]> {
    return selectProjects(this.#database.reader, account_seq);
  }

  /**
   * The project of that name, made by the first look at it; undefined for a name that cannot be one, and beyond 100 in
   * the account. A key that is good for one source makes none.
   */
  async projectNamed(principal: ProjectCaller, name: string): Promise<ProjectRow | undefined> {
    if (!NAME.test(name)) return undefined;
    const { account_seq } = principal;
    const found = await selectProject(this.#database.reader, account_seq, { name });
    if (found || principal.bound_to !== undefined) return found;
    if ((await selectProjects(this.#database.reader, account_seq)).length >= MAX_PROJECTS) return undefined;
    const { project } = await this.#database.writer.transaction(
      async (tx) => {
        const others = await selectProjects(tx, account_seq);
        const there = others.find((one) => one.name === name);
        if (there || others.length >= MAX_PROJECTS) return { project: there, isNew: false };
        const project = { id: randomHexId(this.#platform), account_seq, name, created_at: this.#platform.now() };
        await insertProject(tx, project);
        const data = { project_id: project.id, name };
        await record(tx, principal, project.created_at, { type: "project.created", data });
        return { project, isNew: true };
      },
      ({ isNew }) => isNew && this.#credentials.forgetAll(),
    );
    return project;
  }

  /** The project of that id; undefined if the account has none. */
  projectWithId({ account_seq }: Pick<Principal, "account_seq">, id: string): Promise<ProjectRow | undefined> {
    return selectProject(this.#database.reader, account_seq, { id });
  }

  /** Zones of the region a project is named for. Throws `forbidden` for an id that is not of the caller's account. */
  async zones(principal: Principal, project_id: string): Promise<readonly string[]> {
    if (!isOwnContext(project_id, principal)) {
      throw new Failure("forbidden", "the path names neither a project nor the domain of the caller's account");
    }
    const region = (await this.projectWithId(principal, project_id))?.name ?? this.#region;
    return (Object.hasOwn(this.#zones, region) && this.#zones[region]) || [`${region}a`, `${region}b`];
  }
}

/** Who a project is made for: a caller, or a user who is signing in. */
export type ProjectCaller = Pick<Principal, "account_seq" | "actor" | "address" | "bound_to">;
