import type { BlockDevice } from "./block-devices.ts";
import { cut, INT32, joined, known, whole } from "./fit.ts";
import type { Btrfs, Subvolume } from "./model.ts";
import { type Mount, mainMountPoint } from "./mounts.ts";
import { btrfsKinds, type RawBtrfs } from "./raw.ts";

/** Every btrfs has this subvolume, which all others lie in. */
const TOP_LEVEL = "5";

/** Those on the given devices: the mounted ones in full, of the others what lsblk tells. */
export function btrfsList(
  mounted: readonly RawBtrfs[],
  devices: readonly BlockDevice[],
  mounts: readonly Mount[],
): Btrfs[] {
  const present = mounted.filter((each) => devices.some(({ kernel_name }) => each.devices.includes(kernel_name)));
  const uuids = new Set(present.map(({ uuid }) => uuid));
  const others = devices.filter((device) => device.file_system === "btrfs" && device.uuid && !uuids.has(device.uuid));
  const unmounted = [...new Set(others.map(({ uuid }) => uuid ?? ""))].map(
    (uuid): RawBtrfs => ({
      uuid,
      devices: others.filter((device) => device.uuid === uuid).map(({ kernel_name }) => kernel_name),
      profiles: {},
      bytes_used: {},
      mount_points: [],
    }),
  );
  return [...present, ...unmounted].map((each) => fileSystem(each, devices, mounts));
}

function fileSystem(raw: RawBtrfs, devices: readonly BlockDevice[], mounts: readonly Mount[]): Btrfs {
  const members = devices.filter(({ kernel_name }) => raw.devices.includes(kernel_name));
  const paths = members.map(({ path }) => path);
  const own = mounts.filter(({ point, file_system }) => file_system === "btrfs" && raw.mount_points.includes(point));
  const subvolumes = parseSubvolumes(raw.subvolumes);
  const [, defaultId, defaultPath] = /^ID (\d+) (?:.* path (.+)|\(FS_TREE\))/m.exec(raw.default_subvolume ?? "") ?? [];
  const used = btrfsKinds.map((kind) => whole(raw.bytes_used[kind]));
  return known({
    name: cut(paths[0]),
    label: raw.label === undefined ? cut(members.find(({ label }) => label)?.label) : (cut(raw.label) ?? ""),
    uuid: cut(raw.uuid),
    device: joined(paths),
    size: whole(members.reduce((sum, { size = 0 }) => sum + size, 0)),
    nodesize: whole(raw.nodesize?.trim()),
    sectorsize: whole(raw.sectorsize?.trim(), INT32),
    data_profile: profile(raw.profiles.data),
    system_profile: profile(raw.profiles.system),
    metadata_profile: profile(raw.profiles.metadata),
    g_vol_used_size: used.includes(undefined)
      ? undefined
      : whole(used.reduce((sum: number, each) => sum + (each ?? 0), 0)),
    default_subvolid: defaultId,
    default_subvol_name: cut(defaultPath ?? (defaultId === TOP_LEVEL ? "FS_TREE" : undefined)),
    // The contract has both in one member: where the default subvolume is mounted, or else the file system.
    default_subvol_mountpath: cut(mountPoint(own, defaultId) ?? mainMountPoint(raw.mount_points, own)),
    subvolumn: subvolumes?.map((each): Subvolume => {
      const parent = subvolumes.find(({ id }) => id === each.parent);
      return known({
        // The contract has it that this is the parent's; the top level goes by the file system's.
        uuid: cut(parent?.uuid ?? (each.parent === TOP_LEVEL ? raw.uuid : undefined)),
        is_snapshot: String(each.isSnapshot),
        subvol_id: each.id,
        parent_id: each.parent,
        subvol_name: cut(each.path),
        subvol_mount_path: cut(mountPoint(own, each.id)),
      });
    }),
  });
}

/** A file system whose chunks are being converted has two. */
function profile(profiles: readonly string[] | undefined): string | undefined {
  return profiles === undefined || profiles.length === 0 ? undefined : joined(profiles);
}

function mountPoint(mounts: readonly Mount[], subvolumeId: string | undefined): string | undefined {
  return mounts.find(({ subvolume_id }) => subvolume_id !== undefined && subvolume_id === subvolumeId)?.point;
}

interface ListedSubvolume {
  id: string;
  parent: string;
  uuid: string;
  isSnapshot: boolean;
  path: string;
}

/** ID 256 gen 8 parent 5 top level 5 parent_uuid - uuid 3c20... path @ */
function parseSubvolumes(text: string | undefined): ListedSubvolume[] | undefined {
  return text?.split("\n").flatMap((line) => {
    const [, id, parent, parentUuid, uuid, path] =
      /^ID (\d+) .*?parent (\d+) .*?parent_uuid (\S+)\s+uuid (\S+)\s+path (.*)$/.exec(line) ?? [];
    if (id === undefined || parent === undefined || uuid === undefined || path === undefined) return [];
    return [{ id, parent, uuid, isSnapshot: parentUuid !== "-", path }];
  });
}
