import { afterAll, expect } from "bun:test";
import { join } from "node:path";
import { filesIn } from "../deploy/files.ts";
import { cleanEnvironment, endAll, repository, run, temporaryFolder, testUnless } from "./executable.ts";
import { findPython } from "./python.ts";

/* The manifests against Kubernetes' own schemas, which this package brings along; members they do not know are refused. */

const { python, missing } = findPython("kubernetes-validate==1.37.0");
const test = testUnless(missing);
afterAll(endAll);

const manifests = filesIn("deploy/kubernetes/*.yaml").filter((path) => !path.endsWith("kustomization.yaml"));

/** 1.30 is the oldest that docs/deploy.md names. */
test.each(["1.30", "1.37"])("every manifest is one that Kubernetes %s takes", async (kubernetes) => {
  const { path } = temporaryFolder();
  const validate = [python, "-m", "kubernetes_validate", "--strict", "-k", kubernetes];
  const { code, stdout, stderr } = await run([...validate, ...manifests.map((file) => join(repository, file))], {
    cwd: path,
    env: cleanEnvironment(path),
  });
  const said = `${stdout}${stderr}`;
  expect({ code, said }).toMatchObject({ code: 0, said: expect.not.stringMatching(/ERROR|WARN/) });
  for (const file of manifests) expect(said).toContain(`${file} passed`);
});
