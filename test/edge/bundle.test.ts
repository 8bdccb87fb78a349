import { expect, test } from "bun:test";
import { edgeModule } from "./bundle.ts";

test("the bundle is one module without native driver, files or documentation page", async () => {
  const module = await edgeModule();
  const imports = new Bun.Transpiler().scanImports(module).map(({ path }) => path);
  // What an edge runtime has to have besides the web's own interfaces. This list may only shrink.
  expect([...new Set(imports)].sort()).toEqual(["node:crypto"]);
  const unwanted = ["@libsql/linux", "SqliteError", "swagger-ui-bundle", "Bun.serve", "Bun.env", "process.env"];
  expect(unwanted.filter((text) => module.includes(text))).toEqual([]);
  expect(module.length).toBeLessThan(830_000);
});
