import { answer, api, caller } from "../api.ts";
import { useLoaded } from "../loaded.ts";
import { ShellLine } from "../parts/copy.tsx";
import { path } from "../place.ts";
import { When } from "../time.tsx";

const OFTEN_MS = 1_000;

/** What an empty database shows: how the first source comes in. It turns by itself into a link to that source. */
export function FirstSteps({ leave }: { leave: () => void }) {
  const { value } = useLoaded(
    "first source",
    () => answer(api.operate.v1.sources.$get({ query: { sort: "last_seen", limit: "1" } })),
    { on: ({ source_id }) => source_id !== null, everyMs: OFTEN_MS },
  );
  const actor = caller.get()?.actor ?? "";
  const as = actor.startsWith("user:") ? `--user ${actor.slice("user:".length)}` : `--access-key ${actor}`;
  const first = value?.items[0];
  return (
    <section class="first">
      <h1>Bring in a first source server</h1>
      <p>
        A source server is a machine to be migrated. Its agent registers it and asks here for commands. To see that, in
        a shell:
      </p>
      <ol>
        <li>
          Say where and as whom; it asks for the secret
          <ShellLine line={`ferry login --endpoint ${location.origin} ${as}`} />
        </li>
        <li>
          Register a source
          <ShellLine line="ferry source register web-1 --ip 192.0.2.10" />
        </li>
        <li>
          Ask for a command, as its agent does
          <ShellLine line="ferry poll web-1" />
        </li>
      </ol>
      <p class="called">
        <span role="status">
          {!first && "Waiting for a first source ..."}
          {first && <a href={path("sources", first.id)}>{first.name}</a>}
          {first && (first.last_seen_at === null ? " is registered; waiting for its first call ..." : ": it called")}
        </span>{" "}
        {first?.last_seen_at && <When at={first.last_seen_at} />}
      </p>
      {first && (
        <button type="button" class="main" onClick={leave}>
          To the overview
        </button>
      )}
      <p class="soft">
        From source it is <code>bin/ferry</code>, which in the folder of the service needs no login. On a real machine{" "}
        <code>ferry agent --hooks hooks --register</code> does all of it and goes on asking.
      </p>
    </section>
  );
}
