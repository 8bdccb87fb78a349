import { existsSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, type Ferry, firstKey, repository, startProgram, waitUntil } from "./executable.ts";

const CALL_DEADLINE_MS = 30_000;

/**
 * The Python that has a package, named as `name==version`: $FERRY_PYTHON, else the one in .cache/venv, which is made
 * here if need be.
 */
export function findPython(wanted: string): { python: string; missing?: undefined } | { python: ""; missing: string } {
  const given = process.env.FERRY_PYTHON;
  const venv = join(repository, ".cache", "venv");
  const python = given || join(venv, "bin", "python");
  const [name, version] = wanted.split("==");
  const succeeds = (...command: string[]) => Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" }).success;
  const hasIt = () =>
    succeeds(python, "-c", `import importlib.metadata as m; assert m.version("${name}") == "${version}"`);
  const install = () => succeeds(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted);
  try {
    if (!given && !existsSync(python)) succeeds("python3", "-m", "venv", venv);
    if (hasIt() || (!given && install() && hasIt())) return { python };
    return { python: "", missing: `${python} does not have ${wanted}` };
  } catch (error) {
    return { python: "", missing: `no Python with ${wanted}: ${error instanceof Error ? error.message : error}` };
  }
}

/** Starts a program of test/e2e/python that answers each line of JSON with one: the function asks it. */
export function startPython<Order extends object, Answer>(
  python: string,
  script: string,
  endpoint: string,
  folder: { path: string; home: string },
): (order: Order) => Promise<Answer> {
  const { child, printed } = startProgram([python, join(import.meta.dir, "python", script), endpoint], {
    cwd: folder.home,
    env: cleanEnvironment(folder.path),
  });
  let asked = 0;
  return async (order) => {
    child.stdin.write(`${JSON.stringify(order)}\n`);
    child.stdin.flush();
    asked += 1;
    const answers = () => printed.stdout.split("\n").slice(0, -1);
    const what = `the answer of ${script} to ${JSON.stringify(order).slice(0, 200)}`;
    await waitUntil(() => answers().length === asked || child.exitCode !== null, what, CALL_DEADLINE_MS, 2);
    const answer = answers()[asked - 1];
    if (answer === undefined) throw new Error(`${script} ended instead of giving ${what}:\n${printed.stderr}`);
    return JSON.parse(answer) as Answer;
  };
}

/** The official SDK for Python. */
export const SDK = "huaweicloudsdksms==3.1.219";

/** As whom the SDK calls, and where to: the test's own service unless `endpoint` names another one. */
export interface SdkCaller {
  access_key: string;
  secret_key: string;
  project_id?: string;
  security_token?: string;
  /** The SDK looks the project of this region up. */
  region?: string;
  endpoint?: string;
  ca_cert?: string;
}

export interface SdkAnswer {
  /** The SDK's model as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: a different model for every call
  reply?: any;
  raised?: { exception: string; status_code: number; error_code: string; error_msg: string; request_id: string };
  received: { status: number; headers: Record<string, string>; text: string };
  /** The headers of the request. */
  sent: Record<string, string>;
}

export type Sdk = (method: string, members?: object, key?: SdkCaller) => Promise<SdkAnswer>;

/** Calls methods of the SDK's client, in a Python of its own. */
export function startSdk(python: string, ferry: Pick<Ferry, "url" | "folder">): Sdk {
  const ask = startPython<object, SdkAnswer>(python, "sdk.py", ferry.url, ferry.folder);
  return (method, members = {}, key = firstKey) => ask({ key, method, members });
}
