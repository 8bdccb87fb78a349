// bun scripts/with-sqld.mjs ARGUMENT ...: runs Bun with these arguments and a libSQL server to put databases on, and
// ends with its exit code. Where such a server cannot be had it says so and runs nothing.
import { sqldProgram, startSqld } from "../test/edge/sqld.ts";
import { run } from "./run.mjs";

const program = await sqldProgram();
if (program) {
  const sqld = await startSqld(program, "--enable-namespaces");
  const env = { FERRY_TEST_SQLD: sqld.url, FERRY_TEST_SQLD_ADMIN: sqld.admin_url };
  process.exitCode = await run(process.execPath, process.argv.slice(2), { env });
  await sqld.stop();
}
