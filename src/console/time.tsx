import { kept, useWatched, Watched } from "./watched.ts";
import { ago } from "./words.ts";

/** Now, once a second: ages grow while nothing else happens. */
const clock = new Watched(Date.now());
setInterval(() => clock.set(Date.now()), 1_000);
export const useNow = (): number => useWatched(clock);

/** How times are told. */
const zones = kept("times", ["ago", "local", "UTC"]);
export const useZone = () => useWatched(zones.store);
export const nextZone = zones.next;

const utc = (at: number) => new Date(at).toISOString().replace("T", " ");
const twoDigits = (number: number) => String(number).padStart(2, "0");

function local(at: number): string {
  const date = new Date(at);
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(twoDigits).join("-");
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(":")}`;
}

/** A moment, as the reader wants it told; the others are in its tip. */
export function When({ at }: { at: number }) {
  const zone = useZone();
  const now = useNow();
  const text = zone === "ago" ? ago(now - at) : zone === "local" ? local(at) : utc(at).slice(0, 19);
  return (
    <time dateTime={new Date(at).toISOString()} title={`${utc(at)} UTC; local ${local(at)}`}>
      {text}
    </time>
  );
}
