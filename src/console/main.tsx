import { render, useEffect, useState } from "hono/jsx/dom";
import { caller, whoAmI } from "./api.ts";
import { Frame } from "./frame.tsx";
import { readKeys } from "./keys.ts";
import { messageOf } from "./loaded.ts";
import { Problem } from "./parts/basics.tsx";
import { closeMenus } from "./parts/menu.tsx";
import { followLinks } from "./place.ts";
import { SignIn } from "./sign-in.tsx";
import { useWatched } from "./watched.ts";

function Console() {
  const who = useWatched(caller);
  const [error, setError] = useState<string | undefined>(undefined);
  const look = () => {
    setError(undefined);
    whoAmI().catch((failure) => setError(messageOf(failure)));
  };
  useEffect(look, []);
  if (who) return <Frame who={who} />;
  return who === null ? <SignIn /> : <Problem what={error} again={look} />;
}

followLinks();
readKeys();
closeMenus();
render(<Console />, document.body);
