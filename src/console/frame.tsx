import { useEffect, useRef, useState } from "hono/jsx/dom";
import { type Caller, signOut } from "./api.ts";
import { type Binding, bindings, step, tick, useKeys } from "./keys.ts";
import { away, follow } from "./live.ts";
import { Empty } from "./parts/basics.tsx";
import { Dialog } from "./parts/dialog.tsx";
import { Menu } from "./parts/menu.tsx";
import { go, path, type ScreenName, screens, usePlace } from "./place.ts";
import { Commands } from "./screens/commands.tsx";
import { Overview } from "./screens/overview.tsx";
import { Source } from "./screens/source.tsx";
import { Sources } from "./screens/sources.tsx";
import { nextZone, useNow, useZone } from "./time.tsx";
import { kept, useWatched } from "./watched.ts";
import { duration } from "./words.ts";

const themes = kept("theme", ["system", "light", "dark"]);

const title = (screen: ScreenName) => screen[0]?.toUpperCase() + screen.slice(1);

/** What is around every screen. */
export function Frame({ who }: { who: Caller }) {
  const { screen, id } = usePlace();
  const theme = useWatched(themes.store);
  const zone = useZone();
  const [hasSheet, setSheet] = useState(false);
  useEffect(follow, []);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);
  const isLater = useRef(false);
  useEffect(() => {
    // Who goes to another screen by keyboard or ear goes on at its beginning.
    if (isLater.current) document.getElementById("main")?.focus();
    isLater.current = true;
  }, [screen, id]);
  useEffect(() => {
    document.title = screen === "unknown" ? "ferry" : `${title(screen)} · ferry`;
  }, [screen]);
  useKeys([
    ...screens.map((name) => ({
      keys: `g ${name[0]}`,
      does: `Go to ${title(name)}`,
      run: () => go(path(name)),
    })),
    { keys: "/", does: "Filter", run: () => document.querySelector<HTMLElement>("[data-filter]")?.focus() },
    { keys: "j", does: "Next row", run: () => step(1) },
    { keys: "k", does: "Row before", run: () => step(-1) },
    { keys: "x", does: "Select the row", run: tick },
    { keys: "t", does: "Tell times as age, local or UTC", run: nextZone },
    { keys: "d", does: "Dark, light or as the system", run: themes.next },
    { keys: "?", does: "This sheet", run: () => setSheet(true) },
  ]);
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      <header class="frame">
        <a class="brand" href={path("overview")}>
          ferry
        </a>
        <nav aria-label="Screens">
          {screens.map((name) => (
            <a key={name} href={path(name)} aria-current={name === screen ? "page" : undefined}>
              {title(name)}
            </a>
          ))}
        </nav>
        <Line />
        <button type="button" class="quiet" onClick={nextZone} title="How times are told (t)">
          Times: {zone}
        </button>
        <button type="button" class="quiet" onClick={themes.next} title="Dark, light or as the system (d)">
          Theme: {theme}
        </button>
        <button type="button" class="quiet" onClick={() => setSheet(true)} title="Keys (?)" aria-label="Keys">
          ?
        </button>
        <Menu name={who.actor.replace("user:", "")}>
          <p>
            Account {who.account_name}, {who.roles.join(" and ")}; ferry {who.version}
          </p>
          <a href="/docs" target="_blank" rel="noopener">
            API documentation
          </a>
          <button type="button" onClick={signOut}>
            Sign out
          </button>
        </Menu>
      </header>
      <main id="main" tabindex={-1}>
        <Screen screen={screen} id={id} />
      </main>
      {hasSheet && <Sheet bindings={bindings()} close={() => setSheet(false)} />}
    </>
  );
}

function Screen({ screen, id }: { screen: ScreenName | "unknown"; id: string | undefined }) {
  if (screen === "overview") return <Overview />;
  if (screen === "commands") return <Commands />;
  if (screen === "sources") return id === undefined ? <Sources /> : <Source key={id} id={id} />;
  return (
    <Empty title="There is nothing at this address" level={1}>
      <a href={path("overview")}>Overview</a>
    </Empty>
  );
}

/** Whether what is shown is what is. */
function Line() {
  const since = useWatched(away);
  const now = useNow();
  return (
    <span class={`line ${since === undefined ? "good" : "bad"}`}>
      <span role="status">{since === undefined ? "live" : "reconnecting"}</span>
      {since !== undefined && `, data ${duration(Math.max(1_000, now - since))} old`}
    </span>
  );
}

function Sheet({ bindings, close }: { bindings: Binding[]; close: () => void }) {
  return (
    <Dialog title="Keys" close={close}>
      <dl class="keys">
        {bindings.map(({ keys, does }) => (
          <div key={keys}>
            <dt>
              {keys.split(" ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
