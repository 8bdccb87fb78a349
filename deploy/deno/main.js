// ferry in Deno, over a libSQL server. Copy this file and dist/edge.js into one folder; docs/deploy.md, "Edge: Deno".
import edge from "./edge.js";

/** Asks for one variable at a time: the permission to read those of ferry is enough. */
const bindings = new Proxy({}, { get: (_, name) => Deno.env.get(name) });

export default {
  fetch: (request, { remoteAddr }) => edge.fetch(request, bindings, { address: remoteAddr.hostname }),
};

/** The background jobs, from the start on. Not by Deno.cron: it takes an unstable flag, and waits before it first runs. */
async function everyMinute() {
  // It has logged why, and the next run may succeed.
  await edge.scheduled(undefined, bindings).catch(() => {});
  // A stop need not wait for the next one.
  Deno.unrefTimer(setTimeout(everyMinute, 60_000));
}
everyMinute();
