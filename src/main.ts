import { type CommandDef, defineCommand } from "citty";
import { account } from "./cli/account.ts";
import { activity } from "./cli/activity.ts";
import { poll, progress, report } from "./cli/agent-side.ts";
import { api } from "./cli/api.ts";
import { wholeNumber } from "./cli/arguments.ts";
import { command } from "./cli/command.ts";
import { completionVerb } from "./cli/completion/verb.ts";
import { config } from "./cli/config.ts";
import { connectionNotes } from "./cli/connection-flags.ts";
import { CliFailure, exitCodes } from "./cli/failure.ts";
import { key } from "./cli/key.ts";
import { login } from "./cli/login.ts";
import { privacy } from "./cli/privacy.ts";
import { logout, profile } from "./cli/profile.ts";
import { project } from "./cli/project.ts";
import { result } from "./cli/result.ts";
import { runCli } from "./cli/run.ts";
import { settingFlags, settingsOf, tellUnknownVariables } from "./cli/settings.ts";
import { sign } from "./cli/sign/verb.ts";
import { source } from "./cli/source.ts";
import { task } from "./cli/task.ts";
import { template } from "./cli/template.ts";
import { user } from "./cli/user.ts";
import { addNotes, verb } from "./cli/verb.ts";
import { SettingError, settingInfos } from "./config.ts";
import { loadDriver } from "./load-driver.ts";
import { ownProgram } from "./own-program.ts";
import { backup, doctor, migrate, restore } from "./upkeep/verbs.ts";
import { VERSION } from "./version.ts";

const secretSettings = settingInfos
  .filter(({ flag }) => flag === undefined)
  .map(({ variable, description }) => `  ${variable.padEnd(30)}  ${description}`);

const serveVerb = verb(
  {
    name: "serve",
    description: "Run the service",
    callsNobody: true,
    notes: [
      "SECRETS",
      "",
      "Variables or lines of the configuration file; they have no flag:",
      ...secretSettings,
      "",
    ].join("\n"),
  },
  settingFlags(),
  async ({ args, output }) => {
    tellUnknownVariables(output);
    const settings = settingsOf(args);
    const running = await (await loadDriver(() => import("./serve.ts"))).serve(settings, output.print);
    const stop = async (signal: string) => {
      output.tell(`${signal}: finishing what is under way`);
      await running.stop();
      process.exit(exitCodes.done);
    };
    // On a terminal without TLS it means that the terminal is gone.
    if (settings.tls_cert !== undefined || !process.stdin.isTTY) process.on("SIGHUP", running.reloadTls);
    process.once("SIGTERM", () => void stop("SIGTERM"));
    process.once("SIGINT", () => void stop("SIGINT"));
    await new Promise(() => {}); // until a signal
  },
);

const agentVerb = verb(
  { name: "agent", description: "Run a source server's agent: each command by a program of yours (a hook)" },
  {
    hooks: { type: "string", required: true, description: "Folder of the hooks: START, STOP, SYNC, ..." },
    register: { type: "boolean", description: "Register this machine as a source server, or update it" },
    "server-id": { type: "string", description: "Id of the source; default: the one in the state folder" },
    state: { type: "string", description: "Folder for what must survive a crash", default: "./ferry-agent" },
    "kill-after": { type: "string", description: "Seconds a hook has to end when it is told to", default: "10" },
  },
  async ({ args, freshConnection }) => {
    const { AgentEnd, runAgent } = await import("./agent/agent.ts");
    // For hooks, which get the environment: they tell how far a task is by it.
    process.env.FERRY ??= ownProgram();
    const [stop, hurry] = [new AbortController(), new AbortController()];
    for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => (stop.signal.aborted ? hurry : stop).abort());
    await runAgent({
      connect: freshConnection,
      hooks: args.hooks,
      state: args.state,
      server_id: args["server-id"],
      register: args.register === true,
      agent_version: VERSION,
      killAfterMs: 1000 * (wholeNumber("--kill-after", args["kill-after"], 0, 86_400) ?? 0),
      stop: stop.signal,
      hurry: hurry.signal,
    }).catch((error) => {
      throw error instanceof AgentEnd ? new CliFailure(error.reason, error.message) : error;
    });
  },
);

const version = verb({ name: "version", description: "Print the version", callsNobody: true }, {}, async ({ output }) =>
  output.print(VERSION),
);

const ferry: CommandDef = defineCommand({
  meta: { name: "ferry", version: VERSION, description: "A self-hosted control plane for server migration" },
  subCommands: {
    serve: serveVerb,
    agent: agentVerb,
    backup,
    restore,
    migrate,
    doctor,
    source,
    task,
    command,
    poll,
    report,
    progress,
    result,
    activity,
    project,
    template,
    config,
    privacy,
    user,
    key,
    account,
    login,
    logout,
    profile,
    api,
    sign,
    completion: completionVerb(() => ferry),
    version,
  },
}) as CommandDef;
addNotes(ferry, connectionNotes);

// Whoever reads the output may stop reading: for a service no reason to end, for the other verbs no fault.
process.stdout.on("error", (error: Error & { code?: string }) => {
  if (process.argv[2] === "serve") return;
  if (error.code !== "EPIPE") process.stderr.write(`ferry: the output cannot be written: ${error.message}\n`);
  process.exit(error.code === "EPIPE" ? exitCodes.done : exitCodes.failed);
});
const args = process.argv.slice(2);
const asked = args.length === 1 && (args[0] === "--version" || args[0] === "-v") ? ["version"] : args;
process.exitCode = await runCli(ferry, asked, (error) => error instanceof SettingError);
