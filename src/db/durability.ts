const CALL_TIMEOUT_MS = 10_000;

export const UNKNOWN_DURABILITY =
  "the libSQL server answers before its commits are on the disk, unless it was told otherwise: a power cut there can lose what ferry has acknowledged; set FERRY_DATABASE_ADMIN_URL, and ferry tells it";

/**
 * Has a libSQL server flush every commit to its disk before it answers, as it does not by itself, and forgets with its
 * next start unless it keeps namespaces. `admin_url` is its admin address (`--admin-listen-addr`). Answers whether it
 * had to be told; throws where it does not take that.
 */
export async function requireFlushedCommits(admin_url: string, namespace?: string): Promise<boolean> {
  const address = addressOf(admin_url, namespace);
  const before = await config(address);
  if (before.durability_mode === "strong") return false;
  // Whole, as the server takes members that are left out for their defaults.
  await call(address, { ...before, durability_mode: "strong" });
  if ((await config(address)).durability_mode !== "strong")
    throw new Error("the libSQL server does not know durability_mode strong");
  return true;
}

/** Whether a libSQL server flushes every commit to its disk before it answers. */
export async function flushesCommits(admin_url: string, namespace?: string): Promise<boolean> {
  return (await config(addressOf(admin_url, namespace))).durability_mode === "strong";
}

function addressOf(admin_url: string, namespace = "default"): URL {
  return new URL(`v1/namespaces/${namespace}/config`, admin_url.endsWith("/") ? admin_url : `${admin_url}/`);
}

async function config(address: URL): Promise<Record<string, unknown>> {
  return (await call(address)).json() as Promise<Record<string, unknown>>;
}

async function call(address: URL, body?: object): Promise<Response> {
  const response = await fetch(address, {
    signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    ...(body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
  }).catch((cause) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`the admin address of --database-admin-url cannot be reached: ${reason}`, { cause });
  });
  if (response.ok) return response;
  throw new Error(
    `the address of --database-admin-url answers HTTP ${response.status}: it takes what sqld has as --admin-listen-addr, and --database-namespace must be there`,
  );
}
