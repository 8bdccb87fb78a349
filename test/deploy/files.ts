import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";

const root = join(import.meta.dir, "..", "..");

export const read = (path: string) => readFileSync(join(root, path), "utf8");

/** Paths below the repository's folder. */
export const filesIn = (pattern: string) => [...new Glob(pattern).scanSync({ cwd: root, dot: true })].sort();

type Variables = Record<string, string>;

/** What ENV sets in the Dockerfile. */
export function imageVariables(): Variables {
  const lines = [...read("Dockerfile").matchAll(/^ENV (.+)$/gm)].map(([, line = ""]) => line);
  return Object.fromEntries(
    lines.flatMap((line) => line.split(" ").map((pair) => pair.split("=") as [string, string])),
  );
}

export interface ComposeService {
  image: string;
  command?: string | string[];
  entrypoint?: string[];
  environment?: Variables;
  networks: string[];
  healthcheck?: { test: string[] };
  tmpfs?: string[];
  volumes?: string[];
}

/** deploy/compose.yaml as Compose reads it beside a .env with these variables. */
export function compose(variables: Variables) {
  const text = JSON.stringify(Bun.YAML.parse(read("deploy/compose.yaml")));
  const told = text.replace(/\$\{(\w+):([-?])([^}]*)\}/g, (_, name: string, kind: string, otherwise: string) => {
    const value = variables[name] || (kind === "-" ? otherwise : undefined);
    if (value === undefined) throw new Error(`${name}: ${otherwise}`);
    return value;
  });
  return JSON.parse(told) as {
    services: Record<"proxy" | "ferry" | "sqld", ComposeService>;
    networks: Record<string, { internal?: boolean } | null>;
    volumes: Record<string, unknown>;
  };
}

type Labels = Record<string, string>;

export interface Probe {
  httpGet: { path: string; port: string };
}

export interface Container {
  name: string;
  image: string;
  command?: string[];
  args?: string[];
  ports: { name: string; containerPort: number }[];
  envFrom?: { configMapRef?: { name: string }; secretRef?: { name: string } }[];
  env?: { name: string; valueFrom: { secretKeyRef: { name: string; key: string } } }[];
  startupProbe: Probe;
  livenessProbe: Probe;
  readinessProbe: Probe;
  volumeMounts: { name: string; mountPath: string }[];
}

export interface Manifest {
  kind: string;
  metadata: { name: string; namespace?: string };
  data?: Variables;
  stringData?: Variables;
  spec: {
    selector?: Labels & { matchLabels?: Labels };
    podSelector?: { matchLabels: Labels };
    ports?: { port: number; targetPort: string }[];
    serviceName?: string;
    template?: {
      metadata: { labels: Labels };
      spec: { containers: [Container]; volumes?: { name: string }[] };
    };
    volumeClaimTemplates?: { metadata: { name: string } }[];
    ingress?: { from?: { podSelector: { matchLabels: Labels } }[]; ports: { port: string }[] }[];
    egress?: { to?: { podSelector: { matchLabels: Labels } }[]; ports: { port: string | number }[] }[];
    rules?: { http: { paths: { backend: { service: { name: string; port: { name: string } } } }[] } }[];
  };
}

const KUSTOMIZATION = "deploy/kubernetes/kustomization.yaml";

export const kustomization = () =>
  Bun.YAML.parse(read(KUSTOMIZATION)) as {
    namespace: string;
    resources: string[];
    images: { name: string; newName: string; newTag: string }[];
  };

/** Every object in deploy/kubernetes, the examples too. */
export function manifests(): Manifest[] {
  const paths = filesIn("deploy/kubernetes/*.yaml").filter((path) => path !== KUSTOMIZATION);
  return paths.flatMap((path) => Bun.YAML.parse(read(path)) as Manifest | Manifest[]);
}

/** The only object of a kind with this name. */
export function manifest(kind: string, name: string): Manifest {
  const found = manifests().filter((one) => one.kind === kind && one.metadata.name === name);
  if (found.length !== 1 || !found[0]) throw new Error(`deploy/kubernetes has ${found.length} of ${kind} ${name}`);
  return found[0];
}

/** The container of a pod template. */
export function containerOf({ kind, metadata, spec }: Manifest): Container {
  const container = spec.template?.spec.containers[0];
  if (!container) throw new Error(`${kind} ${metadata.name} has no container`);
  return container;
}
