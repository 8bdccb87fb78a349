import { useState } from "hono/jsx/dom";
import { signIn } from "./api.ts";
import { messageOf } from "./loaded.ts";
import { Problem } from "./parts/basics.tsx";

const ways = {
  user: [
    ["user", "User", "text", "username"],
    ["password", "Password", "password", "current-password"],
    ["account", "Account", "text", "organization"],
  ],
  key: [
    ["access_key", "Access key", "text", "username"],
    ["secret_key", "Secret key", "password", "current-password"],
  ],
} as const;

/** Lines of bootstrap.env, pasted into the first field, fill both. */
const pasted = { access_key: /FERRY_ACCESS_KEY=(\S+)/, secret_key: /FERRY_SECRET_KEY=(\S+)/ };

export function SignIn() {
  const [way, setWay] = useState<keyof typeof ways>("user");
  const [error, setError] = useState<string | undefined>(undefined);
  const submit = async (event: Event) => {
    event.preventDefault();
    const fields = new FormData(event.target as HTMLFormElement);
    try {
      await signIn(Object.fromEntries([...fields].filter(([, value]) => value !== "")));
    } catch (failure) {
      setError(messageOf(failure));
    }
  };
  const paste = (event: ClipboardEvent) => {
    const text = event.clipboardData?.getData("text") ?? "";
    const form = (event.currentTarget as HTMLInputElement).form;
    const [access, secret] = [pasted.access_key.exec(text)?.[1], pasted.secret_key.exec(text)?.[1]];
    if (!form || !access || !secret) return;
    event.preventDefault();
    for (const [name, value] of Object.entries({ access_key: access, secret_key: secret })) {
      (form.elements.namedItem(name) as HTMLInputElement).value = value;
    }
  };
  return (
    <main class="sign-in">
      <form onSubmit={submit}>
        <h1>ferry</h1>
        <fieldset class="ways">
          <legend>Sign in with</legend>
          {(["user", "key"] as const).map((one) => (
            <label key={one}>
              <input type="radio" name="" checked={way === one} onChange={() => setWay(one)} />
              {one === "user" ? "User and password" : "Access key"}
            </label>
          ))}
        </fieldset>
        {ways[way].map(([name, label, type, autocomplete]) => (
          <label key={name}>
            {label}
            <input
              name={name}
              type={type}
              autocomplete={autocomplete}
              required={name !== "account"}
              placeholder={name === "account" ? "default" : ""}
              {...(name === "access_key" && { onPaste: paste })}
            />
          </label>
        ))}
        <Problem what={error} />
        <button type="submit" class="main">
          Sign in
        </button>
        <p class="hint">
          The first start wrote an admin key into <code>bootstrap.env</code> of the data folder: its lines can be pasted
          into the field of the access key. <code>ferry user create NAME --role operator</code>, then{" "}
          <code>ferry user password NAME</code>, makes a user.
        </p>
      </form>
    </main>
  );
}
