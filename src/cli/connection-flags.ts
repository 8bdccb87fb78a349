import type { ArgsDef } from "citty";

/** Of every verb that calls the service, before or behind its name; said once, in the help of `ferry`. */
export const connectionFlags = {
  profile: { type: "string", description: "A profile of `ferry login`" },
  endpoint: { type: "string", description: "The service to call, http://HOST:PORT or https://HOST" },
  cacert: { type: "string", valueHint: "file", description: "Certificates to trust beside the system's (PEM)" },
} as const satisfies ArgsDef;

export type ConnectionFlags = { [Name in keyof typeof connectionFlags]?: string | undefined };

/** Whether the word is one of them, and whether its value is the next word. */
export function isConnectionFlag(word: string): { takesNext: boolean } | undefined {
  const [, name, equals] = /^--([a-z]+)(=?)/.exec(word) ?? [];
  return name !== undefined && Object.hasOwn(connectionFlags, name) ? { takesNext: equals === "" } : undefined;
}

export const connectionNotes = `
WHERE COMMANDS CALL, AND AS WHOM

  --profile NAME   a profile of ferry login
  --endpoint URL   this service, with FERRY_ACCESS_KEY and FERRY_SECRET_KEY or with FERRY_TOKEN
  --cacert FILE    certificates to trust beside the system's (PEM)

  go with every verb that calls the service. Without them:

  1. FERRY_ENDPOINT, with FERRY_ACCESS_KEY, FERRY_SECRET_KEY (and FERRY_SECURITY_TOKEN of a temporary key) or with
     FERRY_TOKEN; FERRY_CACERT names a file of certificates. Or FERRY_PROFILE, a profile of ferry login.
  2. bootstrap.env in FERRY_DATA (default ./ferry-data), where a service on this machine keeps its first key.
  3. The current profile of ferry login.
  4. HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK.

  ferry profile list tells which it is here.
`;
