import { chooseConnection } from "./connection.ts";
import type { ConnectionFlags } from "./connection-flags.ts";
import { CliFailure } from "./failure.ts";

/** What commands here do, in words that go on behind "commands here", and by which profile. */
export function whereCommandsCall(flags: ConnectionFlags = {}): { words: string; profile?: string | undefined } {
  try {
    const { endpoint, access_key, token, source, profile } = chooseConnection(process.env, flags);
    const as = token ? "with a token" : access_key ? `with key ${access_key}` : "without credentials";
    return { words: `call ${endpoint} ${as} (${source})`, profile };
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    return { words: `end with: ${error.message}` };
  }
}
