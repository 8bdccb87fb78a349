import { Hono } from "hono";
import { accessConsole } from "./access/console.ts";
import { accessIam } from "./access/iam.ts";
import { accessOperate } from "./access/operate.ts";
import type { Passwords } from "./access/passwords.ts";
import { type Access, createAccess } from "./access/service.ts";
import { actionsOperate } from "./actions/operate.ts";
import { type Actions, createActions } from "./actions/service.ts";
import { actionsSms } from "./actions/sms.ts";
import { Agreements } from "./agreements/service.ts";
import { agreementsSms } from "./agreements/sms.ts";
import { authenticate } from "./auth/authenticate.ts";
import { authenticateSession } from "./auth/session.ts";
import { CommandHistory } from "./commands/history.ts";
import { commandsLane } from "./commands/lane.ts";
import type { Mailbox } from "./commands/mailbox.ts";
import { MemoryMailbox } from "./commands/memory-mailbox.ts";
import { commandsOperate } from "./commands/operate.ts";
import { Orders } from "./commands/orders.ts";
import { MAX_WAIT_S } from "./commands/schema.ts";
import { Commands } from "./commands/service.ts";
import { SharedMailbox } from "./commands/shared-mailbox.ts";
import { commandsSms } from "./commands/sms.ts";
import { Traffic } from "./commands/traffic.ts";
import type { Settings } from "./config.ts";
import { Failure } from "./core/failure.ts";
import type { Platform } from "./core/platform.ts";
import { Sealer } from "./core/sealed.ts";
import type { Database } from "./db/database.ts";
import { storageFailure } from "./db/storage-failure.ts";
import { EventFeed } from "./events/feed.ts";
import { eventsOperate } from "./events/operate.ts";
import { Events } from "./events/service.ts";
import { behindConsole } from "./http/console-api.ts";
import { FailureLog } from "./http/failure-log.ts";
import { type Dialect, failureReply } from "./http/failure-reply.ts";
import { declaredRoutes, openApiDocument } from "./http/openapi.ts";
import { type Bindings, noRoute, type RouteServices, type Told, type Variables } from "./http/operation.ts";
import { type Target, targetOf } from "./http/target.ts";
import { type ConsoleFiles, hasConsole, metaConsole } from "./meta/console.ts";
import { type DocsFiles, metaOperate } from "./meta/operate.ts";
import { Meta } from "./meta/service.ts";
import { metaSms } from "./meta/sms.ts";
import { Migprojects } from "./migprojects/service.ts";
import { migprojectsSms } from "./migprojects/sms.ts";
import { sourcesOperate } from "./sources/operate.ts";
import { Sources } from "./sources/service.ts";
import { sourcesSms } from "./sources/sms.ts";
import { Consistency } from "./tasks/consistency.ts";
import { consistencySms } from "./tasks/consistency-sms.ts";
import { Findings } from "./tasks/findings.ts";
import { findingsSms } from "./tasks/findings-sms.ts";
import { TaskMoves } from "./tasks/moves.ts";
import { TaskSecrets } from "./tasks/secrets.ts";
import { secretsSms } from "./tasks/secrets-sms.ts";
import { Tasks } from "./tasks/service.ts";
import { tasksSms } from "./tasks/sms.ts";
import { Templates } from "./templates/service.ts";
import { templatesSms } from "./templates/sms.ts";
import { VERSION } from "./version.ts";

/** Everything behind the routes, put together once per process (or per request, where a runtime wants that). */
export interface Services {
  access: Access;
  events: Events;
  feed: EventFeed;
  meta: Meta;
  agreements: Agreements;
  migprojects: Migprojects;
  templates: Templates;
  sources: Sources;
  tasks: Tasks;
  secrets: TaskSecrets;
  consistency: Consistency;
  findings: Findings;
  commands: Commands;
  orders: Orders;
  history: CommandHistory;
  traffic: Traffic;
  actions: Actions;
  mailbox: Mailbox;
}

export interface ServiceOptions {
  platform: Platform;
  database: Database;
  master_key: Uint8Array;
  /** The process's own. */
  passwords: Passwords;
  settings: Pick<
    Settings,
    | "region"
    | "availability_zones"
    | "service_domain"
    | "agent_config"
    | "connected_within_s"
    | "deliver_within_s"
    | "finish_within_s"
  >;
  /** What an operator should change, though all works. */
  warnings?: readonly string[];
}

/** Puts the services together; where this process alone writes, loads what waits for the sources. */
export async function createServices(options: ServiceOptions): Promise<Services> {
  const { platform, database, master_key, passwords, settings, warnings = [] } = options;
  const sealer = new Sealer(master_key, platform.randomBytes);
  const access = createAccess(platform, database, sealer, passwords, settings);
  const migprojects = new Migprojects(platform, database, settings.region);
  const sources = new Sources(platform, database, access.keys, migprojects, settings.connected_within_s);
  const tasks = new Tasks(platform, database, sources);
  const moves = new TaskMoves(platform, database, sources, settings.finish_within_s);
  const mailbox = database.exclusive
    ? await MemoryMailbox.load(platform, database, sources, moves.current)
    : new SharedMailbox(platform, database);
  const traffic = new Traffic(platform);
  const commands = new Commands(platform, database, access.credentials, sources, moves, mailbox, traffic);
  const orders = new Orders(platform, database, sources, moves, mailbox, settings);
  const history = new CommandHistory(platform, database, access.credentials, mailbox);
  const actions = createActions(platform, database, sources, tasks, moves, orders);
  return {
    access,
    events: new Events(database),
    feed: new EventFeed(platform, database, (principal) => access.credentials.requireActive(principal)),
    meta: new Meta(platform, database, settings, warnings),
    agreements: new Agreements(platform, database),
    migprojects,
    templates: new Templates(platform, database, sealer),
    sources,
    tasks,
    secrets: new TaskSecrets(platform, database, sealer, tasks),
    consistency: new Consistency(platform, database, access.credentials, tasks),
    findings: new Findings(platform, database, tasks),
    commands,
    orders,
    history,
    traffic,
    actions,
    mailbox,
  };
}

export interface AppOptions {
  platform: Platform;
  /** Services for a request; the same ones each time, unless the runtime wants a database client per request. */
  services: (told: Told) => Services | Promise<Services>;
  /** Longest a poll may wait, in seconds; 0 where the runtime should answer at once. */
  max_wait_s?: number;
  /** Longest a stream of events may last, in seconds; without end where a connection costs nothing but itself. */
  max_stream_s?: number;
  docs_files?: DocsFiles;
  console_files?: ConsoleFiles;
}

export interface App {
  fetch(request: Request, told?: Told): Promise<Response>;
  /** What it serves, for `declaredRoutes`. */
  routes: Api["routes"];
}

/** The whole HTTP surface: what every request passes, around the routes of all features. */
export function createApp(options: AppOptions): App {
  const { platform, services, docs_files = {}, console_files = {} } = options;
  const { max_wait_s = MAX_WAIT_S, max_stream_s = Number.POSITIVE_INFINITY } = options;
  const api = allRoutes();
  const failures = new FailureLog(platform);
  api.notFound((c) => failureReply(noRoute(), c.env.request_id));
  api.onError((error, c) => refuse(error, c.req.raw, c.env, c.get("dialect")));
  const refuse = (error: unknown, { method }: Request, { request_id, target }: Passing, dialect?: Dialect) => {
    const failure = error instanceof Failure ? error : (storageFailure(error) ?? error);
    failures.tell(failure, { request_id, method, path: target.path });
    return failureReply(failure, request_id, dialect);
  };

  let document: object | undefined;
  const openapi = () => {
    document ??= openApiDocument(declaredRoutes(api), VERSION);
    return document;
  };
  /** Made once for the services there are, and gone with them. */
  const prepared = new WeakMap<Services, RouteEnv["services"]>();
  const prepare = (given: Services): RouteEnv["services"] => {
    const known = prepared.get(given);
    if (known) return known;
    const { credentials } = given.access;
    const findCaller: RouteServices["authenticate"] = (request, origin) =>
      authenticate(request, origin, platform.now(), credentials);
    const limits = { max_wait_s, max_stream_s };
    const files = { docs_files, console_files };
    const all = {
      ...given,
      log: platform.log,
      authenticate: findCaller,
      ...limits,
      ...files,
      openapi,
      version: VERSION,
    };
    prepared.set(given, all);
    return all;
  };

  const answer = (request: Request, env: RouteEnv) => commandsLane(request, env) ?? api.fetch(request, env);
  /** What the console calls: any operation, but nothing at all without its session, the one credential there. */
  const answerConsole = async (request: Request, { services, ...env }: RouteEnv, target: Target) => {
    const ask = async () => {
      const caller = await authenticateSession(request, env.told, platform.now(), services.access.credentials);
      return answer(request, { ...env, target, services: { ...services, authenticate: () => caller } });
    };
    const response = await ask().catch((error) => refuse(error, request, env));
    // A browser's: what only the session may see is not kept, and is what it says it is.
    response.headers.set("Cache-Control", "no-store");
    response.headers.set("X-Content-Type-Options", "nosniff");
    return response;
  };

  return {
    routes: api.routes,
    fetch: async (request, told = {}) => {
      const request_id = platform.newId();
      const target = targetOf(request.url);
      try {
        const given = services(told);
        const env = { request_id, target, told, services: prepare(given instanceof Promise ? await given : given) };
        const console_target = behindConsole(target);
        const response = await (console_target ? answerConsole(request, env, console_target) : answer(request, env));
        response.headers.set("X-Request-Id", request_id);
        return response;
      } catch (error) {
        return refuse(error, request, { request_id, target });
      }
    },
  };
}

/** What is known of a request before it meets a route. */
type Passing = Pick<Bindings<object>, "request_id" | "target">;
type RouteEnv = Bindings<
  Services & {
    max_wait_s: number;
    max_stream_s: number;
    docs_files: DocsFiles;
    console_files: ConsoleFiles;
    openapi: () => object;
    version: string;
  }
>;

/** Every operation, a line for each feature. */
function allRoutes() {
  return new Hono<{ Bindings: RouteEnv; Variables: Variables }>({
    // Hono's own reading of a URL differs from that of the signature.
    getPath: (_, options) => (options as { env: RouteEnv }).env.target.path,
  })
    .get("/", async (c, next) => {
      const { method, headers } = c.req.raw;
      const { docs_files, console_files } = c.env.services;
      const page = hasConsole(console_files) ? "/console/" : "index.html" in docs_files ? "/docs" : undefined;
      const wantsPage = method === "GET" && headers.get("accept")?.includes("text/html");
      const isKnown = headers.has("authorization") || headers.has("x-auth-token");
      return page !== undefined && wantsPage && !isKnown ? c.redirect(page) : next();
    })
    .route("/", metaOperate)
    .route("/", metaConsole)
    .route("/", metaSms)
    .route("/", accessConsole)
    .route("/", accessOperate)
    .route("/", accessIam)
    .route("/", eventsOperate)
    .route("/", agreementsSms)
    .route("/", migprojectsSms)
    .route("/", templatesSms)
    .route("/", sourcesSms)
    .route("/", sourcesOperate)
    .route("/", tasksSms)
    .route("/", secretsSms)
    .route("/", consistencySms)
    .route("/", findingsSms)
    .route("/", commandsSms)
    .route("/", commandsOperate)
    .route("/", actionsSms)
    .route("/", actionsOperate);
}
export type Api = ReturnType<typeof allRoutes>;
