import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readBootstrapFile } from "../src/cli/bootstrap-file.ts";
import type { Connection } from "../src/client/client.ts";
import { readSettings } from "../src/config.ts";
import { bootstrapPath } from "../src/data-folder.ts";
import { loadDriver } from "../src/load-driver.ts";
import type { Clock } from "./clock.ts";
import { Line, Refusal } from "./line.ts";

/** Everybody knows it: the demo's service listens on this machine only. */
export const USER = { name: "demo", password: "ferry-demo" };
const HOST = "127.0.0.1";
const USUAL_PORT = 8900;

export interface DemoService {
  endpoint: string;
  folder: string;
  /** Keys of its own for the fleet. */
  agents: Connection;
  operator: Connection;
  /** Ends it; a folder that was made for it goes with it. */
  stop(): Promise<void>;
}

/** A ferry from source in this process, on a database of its own, with somebody to sign in as. */
export async function startService(
  chosen: {
    port?: number | undefined;
    data?: string | undefined;
  },
  clock: Clock,
): Promise<DemoService> {
  const folder = chosen.data ?? mkdtempSync(join(tmpdir(), "ferry-demo-"));
  markAsDemo(folder);
  const remove = () => {
    if (chosen.data === undefined) rmSync(folder, { recursive: true, force: true });
  };
  // However this process ends, short of a kill that it does not notice.
  process.on("exit", remove);
  const port = chosen.port ?? ((await isFree(USUAL_PORT)) ? USUAL_PORT : 0);
  const { serve } = await loadDriver(() => import("../src/serve.ts"));
  // Nothing of the environment: a FERRY_DATABASE_URL there is of a service that is meant seriously.
  const settings = readSettings({ listen: `${HOST}:${port}`, data: folder }, {});
  const running = await serve(settings, () => {});
  const { url: endpoint } = running;
  const { FERRY_ACCESS_KEY: access_key, FERRY_SECRET_KEY: secret_key } = readBootstrapFile(bootstrapPath(folder));
  const admin = { endpoint, access_key, secret_key };
  const keys = await makeKeys(admin, clock);
  return {
    endpoint,
    folder,
    ...keys,
    stop: async () => {
      await running.stop();
      remove();
    },
  };
}

/** Throws for the folder of a service that is meant seriously: it would have a user whose password everybody knows. */
function markAsDemo(folder: string): void {
  const mark = join(folder, "demo.txt");
  if (existsSync(mark)) return;
  if (existsSync(join(folder, "ferry.db"))) throw new Error(`--data ${folder} holds a service that is no demo's`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(mark, `This folder is of npm run demo. Everybody knows the password of its user ${USER.name}.\n`);
}

async function makeKeys(admin: Connection, clock: Clock): Promise<{ agents: Connection; operator: Connection }> {
  const line = new Line(admin, clock);
  const make = async (user: string, role: "agent" | "operator", password?: string) => {
    const json = { name: user, role, ...(password !== undefined && { password }) };
    await line
      .ask((client, options) => client.operate.v1.users.$post({ json }, options))
      .catch((error) => {
        // It is there, of an earlier demo in this folder.
        if (!(error instanceof Refusal && error.status === 400)) throw error;
      });
    const { body } = await line.ask((client, options) =>
      client.operate.v1.keys.$post({ json: { user, description: "npm run demo" } }, options),
    );
    const { access_key, secret_key } = body;
    return { endpoint: admin.endpoint, access_key, secret_key };
  };
  return {
    agents: await make("demo-agents", "agent"),
    operator: await make(USER.name, "operator", USER.password),
  };
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, HOST, () => server.close(() => resolve(true)));
  });
}
