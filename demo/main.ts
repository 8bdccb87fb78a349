import { parseArgs } from "node:util";
import { Clock } from "./clock.ts";
import { startFleet } from "./fleet.ts";
import { type DemoService, startService, USER } from "./service.ts";

/* npm run demo: a service with a fleet of simulated sources, until Ctrl-C. */

const USAGE = `npm run demo [-- OPTIONS]
  --sources N      how many source servers (default 24, at most 2000)
  --seed N         another estate: same seed, same machines (default 1)
  --speed X        how much faster than life the story goes (default 1)
  --port N         of the service (default 8900, or a free one where that is taken)
  --data FOLDER    keep the service's data there (default: a folder that is removed at the end)
  --endpoint URL   no service of its own: the fleet calls that one, with the operator's or admin's key
                   in FERRY_ACCESS_KEY and FERRY_SECRET_KEY`;

const MAX_SOURCES = 2000;

const options = readOptions();
const clock = new Clock(options.speed);
const signalled = Promise.withResolvers<void>();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    // The second one does not wait for anybody.
    if (clock.isOver) process.exit(130);
    clock.end();
    signalled.resolve();
  });
}

let service: DemoService | undefined;
try {
  if (options.endpoint === undefined) service = await startService(options, clock);
  const operator = service?.operator ?? {
    endpoint: options.endpoint ?? "",
    access_key: process.env.FERRY_ACCESS_KEY,
    secret_key: process.env.FERRY_SECRET_KEY,
  };
  const { sources, seed } = options;
  const fleet = await startFleet({ sources, seed, agents: service?.agents ?? operator, operator, clock });
  console.log(
    service ? greeting(service) : `${sources} simulated source servers call ${operator.endpoint}; Ctrl-C ends them.`,
  );
  // A fleet that is over before the demo is has met something it does not know.
  await Promise.race([signalled.promise, fleet.over]);
  await fleet.over;
} catch (error) {
  if (!clock.isOver) {
    console.error(`demo: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
} finally {
  clock.end();
  await service?.stop();
}
process.exit();

function greeting({ endpoint, folder }: DemoService): string {
  return `
ferry demo: ${options.sources} simulated source servers, and an operator who moves them. Nothing here is real.

  Console   ${endpoint}/console/    sign in as ${USER.name}, password ${USER.password}
  API       ${endpoint}/docs

Try: open a source whose copy is under way, stop it, and start it again; see why one is in error; send one UPLOAD_LOG.
In another shell:

  FERRY_DATA=${folder} ${process.cwd()}/bin/ferry activity --follow

It listens on this machine only, as everybody knows the password. Ctrl-C ends it${options.data === undefined ? ` and removes ${folder}` : ""}.
`;
}

function readOptions() {
  const values = readFlags();
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const { data, endpoint } = values;
  if (endpoint !== undefined && (values.port !== undefined || data !== undefined))
    refuse("--endpoint names a service that is there: --port and --data are for one of the demo's own");
  if (endpoint !== undefined && !(process.env.FERRY_ACCESS_KEY && process.env.FERRY_SECRET_KEY))
    refuse("--endpoint takes the operator's or admin's key in FERRY_ACCESS_KEY and FERRY_SECRET_KEY");
  return {
    sources: wholeNumber("--sources", values.sources, 1, MAX_SOURCES),
    seed: wholeNumber("--seed", values.seed, 0, 2 ** 31),
    speed: wholeNumber("--speed", values.speed, 1, 100),
    port: values.port === undefined ? undefined : wholeNumber("--port", values.port, 0, 65_535),
    data,
    endpoint: endpoint?.replace(/\/+$/, ""),
  };
}

function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < least || number > most)
    refuse(`${flag} takes a whole number from ${least} to ${most}`);
  return number;
}

function refuse(reason: string): never {
  console.error(`demo: ${reason}`);
  process.exit(2);
}

function readFlags() {
  try {
    const { values } = parseArgs({
      options: {
        sources: { type: "string", default: "24" },
        seed: { type: "string", default: "1" },
        speed: { type: "string", default: "1" },
        port: { type: "string" },
        data: { type: "string" },
        endpoint: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
    return values;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}
