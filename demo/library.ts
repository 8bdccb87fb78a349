import type { Kind } from "./kinds.ts";
import type { Line } from "./line.ts";

const projects: Record<Kind["project"], { name: string; description: string; type: Kind["type"] }> = {
  datacenter: { name: "Data centre move", description: "Linux machines of both halls", type: "MIGRATE_FILE" },
  offices: { name: "Branch offices", description: "One machine each, over thin lines", type: "MIGRATE_FILE" },
  windows: { name: "Windows estate", description: "Domain, file and application servers", type: "MIGRATE_BLOCK" },
};

/** The demo's migration projects, made where they are not there: their ids. */
export async function makeProjects(line: Line): Promise<Map<Kind["project"], string>> {
  const { body } = await line.ask((client, options) =>
    client.v3.migprojects.$get({ query: { limit: "100" } }, options),
  );
  const ids = new Map<Kind["project"], string>();
  for (const key of Object.keys(projects) as Kind["project"][]) {
    const project = projects[key];
    const known = body.migprojects.find(({ name }) => name === project.name);
    const json = { ...project, region: "region-1" };
    const id =
      known?.id ?? (await line.ask((client, options) => client.v3.migprojects.$post({ json }, options))).body.id;
    ids.set(key, id);
  }
  return ids;
}

const templates = [
  {
    name: "small-linux",
    region: "region-1",
    availability_zone: "region-1a",
    flavor: "s6.large.2",
    volumetype: "SSD",
    vpc: { id: "vpc-shared", name: "shared", cidr: "10.80.0.0/16" },
    nics: [{ id: "net-apps", name: "apps", cidr: "10.80.10.0/24" }],
    security_groups: [{ id: "sg-web", name: "web" }],
    disk: [{ index: 0, name: "system", disktype: "SSD", size: 40, device_use: "BOOT" }],
  },
  {
    name: "database",
    region: "region-1",
    availability_zone: "region-1b",
    flavor: "m6.2xlarge.8",
    volumetype: "SSD",
    vpc: { id: "vpc-shared", name: "shared", cidr: "10.80.0.0/16" },
    nics: [{ id: "net-data", name: "data", cidr: "10.80.20.0/24" }],
    security_groups: [{ id: "sg-data", name: "data" }],
    disk: [
      { index: 0, name: "system", disktype: "SSD", size: 60, device_use: "BOOT" },
      { index: 1, name: "data", disktype: "SSD", size: 500, device_use: "NORMAL" },
    ],
  },
];

/** Templates of target machines, made where they are not there. */
export async function makeTemplates(line: Line): Promise<void> {
  const query = { limit: "100" };
  const { body } = await line.ask((client, options) => client.v3.vm.templates.$get({ query }, options));
  for (const template of templates) {
    if (body.templates.some(({ name }) => name === template.name)) continue;
    await line.ask((client, options) => client.v3.vm.templates.$post({ json: { template } }, options));
  }
}
