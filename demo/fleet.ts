import type { Connection } from "../src/client/client.ts";
import type { TaskState } from "../src/core/words.ts";
import { SimulatedAgent, type Unfinished } from "./agent.ts";
import type { Clock } from "./clock.ts";
import { Director } from "./director.ts";
import { AGENT_VERSION, type Machine, makeEstate } from "./estate.ts";
import { makeProjects, makeTemplates } from "./library.ts";
import { Line } from "./line.ts";
import { Random } from "./random.ts";

/** Registrations under way at the same time. */
const HANDS = 8;
const PAGE = 200;

export interface FleetOptions {
  sources: number;
  seed: number;
  /** As whom the agents call, and as whom the director. */
  agents: Connection;
  operator: Connection;
  clock: Clock;
}

export interface Fleet {
  machines: readonly Machine[];
  /** Resolves when everything that went on has ended, after the end of the demo. */
  over: Promise<void>;
}

/** Registers the fleet's sources and sets its agents and its director to work. */
export async function startFleet({ sources, seed, agents, operator, clock }: FleetOptions): Promise<Fleet> {
  const machines = makeEstate(seed, sources);
  const [agentLine, operatorLine] = [new Line(agents, clock), new Line(operator, clock)];
  const projects = await makeProjects(operatorLine);
  await makeTemplates(operatorLine);
  const known = await knownSources(operatorLine, new Set(machines.map(({ registration }) => registration.name)));
  const director = new Director(operatorLine, clock);
  // A fleet of thousands tells less often, or it would do nothing else.
  const tellEveryS = 2 + sources / 200;
  const running: Promise<void>[] = [];
  await inHands(machines, async (machine) => {
    const { registration, project } = machine;
    const { id, unfinished } = known.get(registration.name) ?? {};
    const json = { ...registration, ...(id !== undefined && { id }) };
    const { body } = await agentLine.ask((client, options) => client.v3.sources.$post({ json }, options));
    const param = { source_id: body.id };
    const migprojectid = projects.get(project);
    if (id === undefined && migprojectid !== undefined)
      await operatorLine.ask((client, options) =>
        client.v3.sources[":source_id"].$put({ param, json: { migprojectid } }, options),
      );
    const randomOf = (what: string) => new Random(seed, `${what} ${registration.name}`);
    director.takeCharge(body.id, machine, randomOf("director"));
    const agent = {
      machine,
      source_id: body.id,
      line: agentLine,
      clock,
      random: randomOf("agent"),
      tellEveryS,
      unfinished,
    };
    running.push(new SimulatedAgent(agent).run());
  });
  running.push(director.run());
  return { machines, over: Promise.all(running).then(() => {}) };
}

interface Known {
  id: string;
  unfinished: Unfinished | undefined;
}

/** Sources an earlier demo has registered with the same service, by their names. */
async function knownSources(line: Line, names: ReadonlySet<string>): Promise<Map<string, Known>> {
  const found: { id: string; name: string }[] = [];
  for (let offset = 0; ; offset += PAGE) {
    const query = { limit: String(PAGE), offset: String(offset) };
    const { body } = await line.ask((client, options) => client.v3.sources.$get({ query }, options));
    found.push(...body.source_servers.filter(({ name }) => names.has(name)));
    if (offset + PAGE >= body.count) break;
  }
  const known = new Map<string, Known>();
  await inHands(found, async ({ id, name }) => {
    const param = { source_id: id };
    const { body } = await line.ask((client, options) => client.v3.sources[":source_id"].$get({ param }, options));
    // A source of the same name that is no demo's is left alone.
    if (body.agent_version === AGENT_VERSION) known.set(name, { id, unfinished: unfinishedOf(body.current_task) });
  });
  return known;
}

function unfinishedOf(task: { id: string; state: TaskState } | undefined): Unfinished | undefined {
  if (task?.state === "RUNNING") return { task_id: task.id, is: "copying" };
  return task?.state === "SYNCING" ? { task_id: task.id, is: "syncing" } : undefined;
}

async function inHands<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const waiting = items.values();
  const one = async () => {
    for (const item of waiting) await work(item);
  };
  await Promise.all(Array.from({ length: HANDS }, one));
}
