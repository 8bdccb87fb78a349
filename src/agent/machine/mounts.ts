/** A line of /proc/self/mountinfo. */
export interface Mount {
  point: string;
  /** What of the file system is mounted: / for all of it; anything else is a bind mount, or a subvolume of a btrfs. */
  root: string;
  /** MAJOR:MINOR of the device; for a btrfs one of its own. */
  number: string;
  file_system: string;
  source: string;
  /** Of a btrfs. */
  subvolume_id: string | undefined;
}

export function parseMounts(mountinfo: string | undefined): Mount[] {
  return (mountinfo ?? "").split("\n").flatMap((line) => {
    const [front = "", back = ""] = line.split(" - ");
    const [, , number, root, point] = front.split(" ");
    const [file_system, source, options = ""] = back.split(" ");
    if (number === undefined || root === undefined || point === undefined) return [];
    if (file_system === undefined || source === undefined) return [];
    return [
      {
        point: unescaped(point),
        root: unescaped(root),
        number,
        file_system,
        source: unescaped(source),
        subvolume_id: /(?:^|,)subvolid=(\d+)/.exec(options)?.[1],
      },
    ];
  });
}

/** One mount of each file system that lies on a device of this machine. */
export function mountsOnDevices(mounts: readonly Mount[]): Mount[] {
  const local = mounts.filter(({ source }) => source.startsWith("/dev/"));
  return [...new Map(local.map((mount) => [mount.number, mount])).values()];
}

/** Where the file system itself is mounted, its root if it is one of several places. */
export function mainMountPoint(points: readonly string[], mounts: readonly Mount[]): string | undefined {
  const places = points.filter((point) => {
    const mount = mounts.findLast((each) => each.point === point);
    return mount === undefined || mount.root === "/" || mount.file_system === "btrfs";
  });
  return places.toSorted((a, b) => a.length - b.length)[0];
}

/** The kernel writes blanks, line ends and backslashes as \040 and so on. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
