import { realpath } from "node:fs/promises";
import { basename } from "node:path";
import { type Mount, parseMounts } from "./mounts.ts";
import { type BtrfsKind, btrfsKinds, type RawBtrfs } from "./raw.ts";
import { namesIn, readText } from "./read-files.ts";
import { findTool, printedBy } from "./tools.ts";

const SYSTEM = "/sys/fs/btrfs";

/** The mounted ones: the kernel has a folder for each, named by its UUID. */
export async function readBtrfs(
  mountinfo: string | undefined,
  folders: readonly string[],
  system = SYSTEM,
): Promise<RawBtrfs[]> {
  const uuids = (await namesIn(system)).filter((name) => /^[0-9a-f]{8}-/.test(name));
  if (uuids.length === 0) return [];
  const tool = await findTool("btrfs", folders);
  const mounts = parseMounts(mountinfo).filter(({ file_system }) => file_system === "btrfs");
  const devices = new Map(await Promise.all(mounts.map(async (mount) => [mount, await kernelName(mount)] as const)));
  return Promise.all(
    uuids.map(async (uuid) => {
      const own = await namesIn(`${system}/${uuid}/devices`);
      const points = mounts.filter((mount) => own.includes(devices.get(mount) ?? "")).map(({ point }) => point);
      return { ...(await readFolder(system, uuid, own)), mount_points: points, ...(await askTool(tool, points[0])) };
    }),
  );
}

async function readFolder(
  system: string,
  uuid: string,
  devices: readonly string[],
): Promise<Omit<RawBtrfs, "mount_points">> {
  const folder = `${system}/${uuid}`;
  const [label, nodesize, sectorsize] = await Promise.all(
    ["label", "nodesize", "sectorsize"].map((file) => readText(`${folder}/${file}`)),
  );
  const profiles: Partial<Record<BtrfsKind, string[]>> = {};
  const bytes_used: Partial<Record<BtrfsKind, string>> = {};
  for (const kind of btrfsKinds) {
    // The other names in there are of files, and all of them are longer words with an underline, but for "flags".
    profiles[kind] = (await namesIn(`${folder}/allocation/${kind}`)).filter((name) =>
      /^(single|dup|raid\w+)$/.test(name),
    );
    const used = await readText(`${folder}/allocation/${kind}/bytes_used`);
    if (used !== undefined) bytes_used[kind] = used.trim();
  }
  return {
    uuid,
    ...(label !== undefined && { label }),
    ...(nodesize !== undefined && { nodesize }),
    ...(sectorsize !== undefined && { sectorsize }),
    devices,
    profiles,
    bytes_used,
  };
}

async function askTool(tool: string | undefined, mountPoint: string | undefined): Promise<Partial<RawBtrfs>> {
  if (mountPoint === undefined) return {};
  const [subvolumes, default_subvolume] = await Promise.all([
    printedBy(tool, ["subvolume", "list", "-p", "-u", "-q", mountPoint]),
    printedBy(tool, ["subvolume", "get-default", mountPoint]),
  ]);
  return {
    ...(subvolumes !== undefined && { subvolumes }),
    ...(default_subvolume !== undefined && { default_subvolume }),
  };
}

async function kernelName({ source }: Mount): Promise<string> {
  try {
    return basename(await realpath(source));
  } catch {
    return basename(source);
  }
}
