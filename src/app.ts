import { Hono } from "hono";
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
import { CommandHistory } from "./commands/history.ts";
import type { Mailbox } from "./commands/mailbox.ts";
import { MemoryMailbox } from "./commands/memory-mailbox.ts";
import { commandsOperate } from "./commands/operate.ts";
import { Orders } from "./commands/orders.ts";
import { MAX_WAIT_S } from "./commands/schema.ts";
import { Commands } from "./commands/service.ts";
import { SharedMailbox } from "./commands/shared-mailbox.ts";
import { commandsSms } from "./commands/sms.ts";
import type { Settings } from "./config.ts";
import { Failure } from "./core/failure.ts";
import type { Platform } from "./core/platform.ts";
import { Sealer } from "./core/sealed.ts";
import type { Database } from "./db/database.ts";
import { storageFailure } from "./db/storage-failure.ts";
import { eventsOperate } from "./events/operate.ts";
import { Events } from "./events/service.ts";
import { FailureLog } from "./http/failure-log.ts";
import { failureReply } from "./http/failure-reply.ts";
import { declaredRoutes, openApiDocument } from "./http/openapi.ts";
import { type Env, noRoute } from "./http/operation.ts";
import { targetOf } from "./http/target.ts";
import { type DocsFiles, metaOperate } from "./meta/operate.ts";
import { Meta } from "./meta/service.ts";
import { metaSms } from "./meta/sms.ts";
import { Migprojects } from "./migprojects/service.ts";
import { migprojectsSms } from "./migprojects/sms.ts";
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
  const commands = new Commands(platform, database, access.credentials, sources, moves, mailbox);
  const orders = new Orders(platform, database, sources, moves, mailbox, settings);
  const history = new CommandHistory(database, access.credentials, mailbox);
  const actions = createActions(platform, sources, tasks, moves, orders);
  return {
    access,
    events: new Events(database),
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
    actions,
    mailbox,
  };
}

export interface AppOptions {
  platform: Platform;
  /** Services for a request; the same ones each time, unless the runtime wants a database client per request. */
  services: (env: unknown) => Services | Promise<Services>;
  /** Longest a poll may wait, in seconds; 0 where the runtime should answer at once. */
  max_wait_s?: number;
  docs_files?: DocsFiles;
}

/** The whole HTTP surface: what every request passes, then one line per feature. */
export function createApp({ platform, services, max_wait_s = MAX_WAIT_S, docs_files = {} }: AppOptions) {
  const app = new Hono<Env<Services & { max_wait_s: number; docs_files: DocsFiles; openapi: () => object }>>({
    getPath: (request) => targetOf(request.url).path,
  })
    .use(async (c, next) => {
      const request_id = platform.newId();
      c.set("request_id", request_id);
      c.set("log", platform.log);
      const features = await services(c.env);
      const { credentials } = features.access;
      c.set("authenticate", (request, address) => authenticate(request, address, platform.now(), credentials));
      for (const [name, service] of Object.entries(features)) c.set(name as keyof Services, service);
      c.set("max_wait_s", max_wait_s);
      c.set("docs_files", docs_files);
      c.set("openapi", openapi);
      await next();
      c.res.headers.set("X-Request-Id", request_id);
    })
    .get("/", async (c, next) => {
      const { method, headers } = c.req.raw;
      const wantsPage = method === "GET" && headers.get("accept")?.includes("text/html") && "index.html" in docs_files;
      const isKnown = headers.has("authorization") || headers.has("x-auth-token");
      return wantsPage && !isKnown ? c.redirect("/docs") : next();
    })
    .route("/", metaOperate)
    .route("/", metaSms)
    .route("/", accessOperate)
    .route("/", accessIam)
    .route("/", eventsOperate)
    .route("/", agreementsSms)
    .route("/", migprojectsSms)
    .route("/", templatesSms)
    .route("/", sourcesSms)
    .route("/", tasksSms)
    .route("/", secretsSms)
    .route("/", consistencySms)
    .route("/", findingsSms)
    .route("/", commandsSms)
    .route("/", commandsOperate)
    .route("/", actionsSms)
    .route("/", actionsOperate);

  const failures = new FailureLog(platform);
  app.notFound((c) => failureReply(noRoute(), c.var.request_id));
  app.onError((error, c) => {
    const { request_id } = c.var;
    const failure = error instanceof Failure ? error : (storageFailure(error) ?? error);
    failures.tell(failure, { request_id, method: c.req.method, path: c.req.path });
    return failureReply(failure, request_id, c.var.dialect);
  });

  let document: object | undefined;
  const openapi = () => {
    document ??= openApiDocument(declaredRoutes(app), VERSION);
    return document;
  };
  return app;
}

export type App = ReturnType<typeof createApp>;
