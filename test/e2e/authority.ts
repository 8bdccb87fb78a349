import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, run } from "./executable.ts";

/** What is missing to make certificates; undefined: nothing. */
export const missingOpenssl = Bun.which("openssl") ? undefined : "openssl is not installed";

/** A private certificate authority, and the certificate with its key that it signed for 127.0.0.1. */
export async function privateAuthority(folder: string): Promise<{ ca: string; cert: string; key: string }> {
  const [ca, cert, key] = [join(folder, "ca.pem"), join(folder, "tls.pem"), join(folder, "tls.key")];
  const [caKey, request, extensions] = [join(folder, "ca.key"), join(folder, "tls.csr"), join(folder, "tls.ext")];
  const newKey = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes".split(" ");
  writeFileSync(
    extensions,
    "basicConstraints=critical,CA:FALSE\nsubjectAltName=IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n",
  );
  for (const args of [
    [
      "req",
      "-x509",
      ...newKey,
      "-days",
      "30",
      "-keyout",
      caKey,
      "-out",
      ca,
      "-subj",
      "/CN=ferry test authority",
    ].concat(["-addext", "keyUsage=critical,keyCertSign"]),
    ["req", ...newKey, "-keyout", key, "-out", request, "-subj", "/CN=127.0.0.1"],
    ["x509", "-req", "-in", request, "-CA", ca, "-CAkey", caKey, "-days", "30", "-extfile", extensions, "-out", cert],
  ]) {
    const made = await run(["openssl", ...args], { cwd: folder, env: cleanEnvironment(folder) });
    if (made.code !== 0) throw new Error(`openssl ${args[0]}: ${made.stderr}`);
  }
  return { ca, cert, key };
}
