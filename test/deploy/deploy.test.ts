import { describe, expect, test } from "bun:test";
import { version } from "../../package.json" with { type: "json" };
import { readSettings, SettingError, settingInfos, unknownVariables } from "../../src/config.ts";
import { declaredRoutes } from "../../src/http/openapi.ts";
import { prepareDoor } from "../../src/listen.ts";
import { metaOperate } from "../../src/meta/operate.ts";
import { sqldProgram } from "../edge/sqld.ts";
import {
  compose,
  containerOf,
  filesIn,
  imageVariables,
  kustomization,
  manifest,
  manifests,
  type Probe,
  read,
} from "./files.ts";

/* What the files for deployment say of ferry holds, and they agree with each other. */

const DATA = "/data";
/** As the documentation has them made. */
const secret = {
  FERRY_MASTER_KEY: "0".repeat(64),
  FERRY_BOOTSTRAP_ACCESS_KEY: "first-admin",
  FERRY_BOOTSTRAP_SECRET_KEY: "f".repeat(64),
};
const inCompose = () => compose(secret).services;
const deployment = () => manifest("Deployment", "ferry");
const database = () => manifest("StatefulSet", "sqld");
const config = () => manifest("ConfigMap", "ferry").data ?? {};

/** What a process of ferry's finds set. */
const environments: Record<string, () => Record<string, string>> = {
  Compose: () => ({ ...imageVariables(), ...secret, ...inCompose().ferry.environment }),
  Kubernetes: () => ({ ...imageVariables(), ...secret, ...config() }),
};

/** A setting of src/edge.ts alone. */
const OF_THE_EDGE = "FERRY_CLIENT_ADDRESS_HEADER";

describe("settings", () => {
  const places = ["Dockerfile", "docs/deploy.md", ...filesIn("deploy/**/*")];

  test.each(places)("every FERRY_ variable in %s is one of ferry's", (path) => {
    const named = read(path).match(/\bFERRY_[A-Z][A-Z_]*\b/g) ?? [];
    const unknown = unknownVariables(Object.fromEntries(named.map((name) => [name, "named"])));
    expect(unknown.filter((name) => name !== OF_THE_EDGE)).toEqual([]);
  });

  test.each(Object.keys(environments))("ferry starts with what %s sets", (name) => {
    const settings = readSettings({}, environments[name]?.() ?? {});
    expect(() => prepareDoor(settings, () => {})).not.toThrow();
    expect(settings).toMatchObject({ data: DATA, bootstrap_access_key: "first-admin", insecure_http: true });
  });

  test("the image alone asks for a certificate or the word that a proxy speaks TLS", () => {
    expect(() => prepareDoor(readSettings({}, imageVariables()), () => {})).toThrow("--insecure-http");
  });

  test("Compose does not go on without a master key", () => {
    expect(() => compose({})).toThrow("FERRY_MASTER_KEY: make .env first");
  });

  test("the example of a secret has what ferry takes as secrets, and its values are refused", () => {
    const { stringData = {} } = manifest("Secret", "ferry");
    expect(Object.keys(stringData)).toEqual(Object.keys(secret));
    const withoutFlag = settingInfos.filter(({ flag }) => flag === undefined).map(({ variable }) => variable);
    expect(withoutFlag).toEqual(expect.arrayContaining(Object.keys(stringData)));
    expect(() => readSettings({}, stringData)).toThrow(SettingError);
  });

  test("no secret is set in a file for everyone to read", () => {
    const secrets = settingInfos.filter(({ flag }) => flag === undefined).map(({ variable }) => variable);
    expect(Object.keys(config()).filter((name) => secrets.includes(name))).toEqual([]);
    expect(Object.keys(imageVariables()).filter((name) => secrets.includes(name))).toEqual([]);
  });
});

describe("ports and paths", () => {
  const port = () => readSettings({}, imageVariables()).listen.port;

  test("the image's port is the one that proxy, service and probes call", () => {
    expect(read("Dockerfile")).toContain(`\nEXPOSE ${port()}\n`);
    expect(inCompose().proxy.command).toEndWith(`--to ferry:${port()}`);
    expect(containerOf(deployment()).ports).toEqual([{ name: "http", containerPort: port() }]);
    expect(manifest("Service", "ferry").spec.ports).toMatchObject([{ port: port(), targetPort: "http" }]);
  });

  const databaseUrls = {
    Compose: () => ({ variables: inCompose().ferry.environment ?? {}, args: inCompose().sqld.command }),
    Kubernetes: () => ({ variables: config(), args: containerOf(database()).args }),
  };
  test.each(Object.entries(databaseUrls))("%s: sqld listens where ferry calls", (_, setUp) => {
    const { variables, args } = setUp();
    for (const [variable, flag] of [
      ["FERRY_DATABASE_URL", "--http-listen-addr"],
      ["FERRY_DATABASE_ADMIN_URL", "--admin-listen-addr"],
    ] as const) {
      const { hostname, port: called } = new URL(variables[variable] ?? "");
      expect({ hostname, args }).toMatchObject({
        hostname: "sqld",
        args: expect.arrayContaining([`${flag}=0.0.0.0:${called}`]),
      });
    }
  });

  test("the service of sqld leads to the ports of its container", () => {
    const { ports } = containerOf(database());
    expect(manifest("Service", "sqld").spec.ports).toMatchObject(
      ports.map(({ name, containerPort }) => ({ port: containerPort, targetPort: name })),
    );
  });

  test("probes and health check call routes that need no credentials", () => {
    const open = declaredRoutes(metaOperate)
      .filter(({ method, declaration }) => method === "GET" && declaration.roles.length === 0)
      .map(({ path }) => path);
    const { startupProbe, livenessProbe, readinessProbe } = containerOf(deployment());
    const [, checked = ""] = /^HEALTHCHECK .*CMD \["ferry", "api", "GET", "([^"]+)"\]$/m.exec(read("Dockerfile")) ?? [];
    const pathOf = ({ httpGet }: Probe) => httpGet.path;
    expect([startupProbe, livenessProbe].map(pathOf)).toEqual(["/healthz", "/healthz"]);
    expect(pathOf(readinessProbe)).toBe("/readyz");
    expect(open).toEqual(expect.arrayContaining(["/healthz", "/readyz", checked]));
  });

  test("the folder for data and for Bun's module is one that Compose and Kubernetes mount", () => {
    expect(imageVariables()).toMatchObject({ FERRY_DATA: DATA, BUN_TMPDIR: DATA });
    expect(inCompose().ferry.tmpfs?.map((mount) => mount.split(",")[0])).toEqual([`${DATA}:exec`]);
    expect(containerOf(deployment()).volumeMounts).toEqual([{ name: "data", mountPath: DATA }]);
  });
});

describe("sqld", () => {
  test("Compose and Kubernetes run the same image, with the same flags", () => {
    const { image, entrypoint, command } = inCompose().sqld;
    const { image: other, command: program, args } = containerOf(database());
    expect({ image, entrypoint, command }).toEqual({ image: other, entrypoint: program, command: args });
  });

  test("it is the version the tests run against, whose flags these are", async () => {
    const program = await sqldProgram();
    if (program === undefined) return; // said aloud, or failed where it must be there
    const output = (flag: string) => Bun.spawnSync([program, flag]).stdout.toString();
    const tag = inCompose().sqld.image.split(":v")[1] ?? "no tag";
    expect(output("--version")).toContain(` ${tag} `);
    const { entrypoint = [], command = [] } = inCompose().sqld;
    for (const flag of [...entrypoint.slice(1), ...command].map((argument) => argument.split("=")[0] ?? "")) {
      expect(output("--help")).toMatch(new RegExp(`${flag}\\b`));
    }
  });

  test("it does not lock up: checkpoints go by the clock", () => {
    expect(inCompose().sqld.command).toContain("--checkpoint-interval-s=60");
  });

  test("in Compose nobody but ferry shares its network", () => {
    const { services, networks } = compose(secret);
    const sharing = Object.entries(services).filter(([, { networks: of }]) => of.includes("back"));
    expect(sharing.map(([name]) => name)).toEqual(["ferry", "sqld"]);
    expect(services.sqld.networks).toEqual(["back"]);
    expect(networks.back).toEqual({ internal: true });
  });
});

describe("Kubernetes", () => {
  test("every file is a resource or an example", () => {
    const files = filesIn("deploy/kubernetes/*.yaml").map((path) => path.split("/").at(-1) ?? "");
    const rest = files.filter((name) => name !== "kustomization.yaml" && !name.endsWith(".example.yaml"));
    expect(kustomization().resources.toSorted()).toEqual(rest);
  });

  test("the image that is named anew is the deployment's, in this version", () => {
    expect(kustomization().images).toMatchObject([{ name: containerOf(deployment()).image, newTag: version }]);
  });

  test("examples, which kustomization.yaml does not reach, name the same namespace", () => {
    const { namespace } = kustomization();
    expect(manifest("Namespace", namespace).metadata.name).toBe(namespace);
    for (const [kind, name] of [
      ["Secret", "ferry"],
      ["Ingress", "ferry"],
    ] as const)
      expect(manifest(kind, name).metadata.namespace).toBe(namespace);
  });

  test("what selects pods selects those there are", () => {
    const selectors = manifests().flatMap(({ spec }) => [
      spec?.podSelector?.matchLabels,
      spec?.selector?.matchLabels ?? spec?.selector,
      ...(spec?.ingress ?? []).flatMap(({ from }) => (from ?? []).map(({ podSelector }) => podSelector.matchLabels)),
      ...(spec?.egress ?? []).flatMap(({ to }) => (to ?? []).map(({ podSelector }) => podSelector.matchLabels)),
    ]);
    const pods = [deployment(), database()].map(({ spec }) => spec.template?.metadata.labels);
    const selecting = selectors.filter((selector) => selector !== undefined);
    expect(selecting.length).toBeGreaterThanOrEqual(9);
    for (const selector of selecting) expect(pods).toContainEqual(selector as (typeof pods)[number]);
  });

  test("what pods refer to is there", () => {
    const { envFrom, env = [], volumeMounts } = containerOf(deployment());
    expect(envFrom).toEqual([{ configMapRef: { name: "ferry" } }, { secretRef: { name: "ferry" } }]);
    for (const { valueFrom } of env) {
      const { name, key } = valueFrom.secretKeyRef;
      expect(Object.keys(manifest("Secret", name).stringData ?? {})).toContain(key);
    }
    expect(deployment().spec.template?.spec.volumes?.map(({ name }) => name)).toEqual(
      volumeMounts.map(({ name }) => name),
    );
    expect(database().spec.volumeClaimTemplates?.map(({ metadata }) => metadata.name)).toEqual(
      containerOf(database()).volumeMounts.map(({ name }) => name),
    );
    expect(manifest("Service", database().spec.serviceName ?? "").metadata.name).toBe("sqld");
    const [rule] = manifest("Ingress", "ferry").spec.rules ?? [];
    expect(rule?.http.paths[0]?.backend.service).toEqual({ name: "ferry", port: { name: "http" } });
  });
});

test("the build's context holds whatever the executable is made of", () => {
  const kept = new Set(
    read(".dockerignore")
      .split("\n")
      .filter((line) => line.startsWith("!"))
      .map((line) => line.slice(1)),
  );
  const sources = filesIn("src/**/*.{ts,tsx}");
  expect(sources.length).toBeGreaterThan(100);
  const outside = sources.flatMap((path) =>
    [...read(path).matchAll(/(?:from|import\(?) ?"(\.\.?\/[^"]+)"/g)]
      .map(([, imported = ""]) => new URL(imported, `file:///${path}`).pathname.split("/")[1] ?? "")
      .filter((top) => !kept.has(top))
      .map((top) => `${path}: ${top}`),
  );
  expect(outside).toEqual([]);
});
