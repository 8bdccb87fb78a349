// npm run openapi: writes docs/openapi.json, the document that a running ferry serves at /openapi.json.
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createApp } from "../src/app.ts";
import { declaredRoutes, openApiDocument } from "../src/http/openapi.ts";
import { VERSION } from "../src/version.ts";

/** The document of this source: routes carry all that is in it, so nothing behind them is needed. */
export function document() {
  const nothing = () => {
    throw new Error("only the routes of this app are looked at");
  };
  const platform = {
    now: nothing,
    newId: nothing,
    randomBytes: nothing,
    nextTurn: nothing,
    after: nothing,
    log: nothing,
  };
  return openApiDocument(declaredRoutes(createApp({ platform, services: nothing })), VERSION);
}

if (import.meta.main) {
  const path = join(dirname(import.meta.dir), "docs", "openapi.json");
  writeFileSync(path, `${JSON.stringify(document(), null, 1)}\n`);
  console.log(path);
}
