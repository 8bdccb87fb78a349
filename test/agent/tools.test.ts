import { afterEach, beforeEach, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { linuxMachine } from "../../src/agent/machine/linux.ts";
import { readBtrfs } from "../../src/agent/machine/read-btrfs.ts";
import { readLinux } from "../../src/agent/machine/read-linux.ts";
import { findTool, printedBy, runTool, toolFolders } from "../../src/agent/machine/tools.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ferry-tools-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function tool(name: string, script: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

test("folders: PATH, then the usual ones; never one that depends on where we are", () => {
  const folders = toolFolders("/opt/x:.:bin::/usr/sbin");
  expect(folders.slice(0, 2)).toEqual(["/opt/x", "/usr/sbin"]);
  expect(folders).toContain("/sbin");
  expect(folders.every((each) => each.startsWith("/"))).toBe(true);
  expect(new Set(folders).size).toBe(folders.length);
});

test("a tool is a file that may be run, the first that is found", async () => {
  writeFileSync(join(folder, "plain"), "");
  mkdirSync(join(folder, "folder"));
  const path = tool("lsblk", "");
  expect(await findTool("lsblk", ["/nonexistent", folder, "/usr/bin"])).toBe(path);
  expect(await findTool("plain", [folder])).toBeUndefined();
  expect(await findTool("folder", [folder])).toBeUndefined();
});

test("arguments go without a shell, words are English, standard input is closed", async () => {
  const path = tool("show", 'cat; echo "$1|$LC_ALL|$HOME"');
  expect(await runTool(path, ["$(id) * ;"])).toEqual({ printed: "$(id) * ;|C|\n", failed: false });
});

test("what a failing tool printed counts, as long as it printed anything", async () => {
  expect(await printedBy(tool("partly", "echo some; exit 5"), [])).toBe("some\n");
  expect(await printedBy(tool("fails", "exit 1"), [])).toBeUndefined();
  expect(await printedBy(tool("nothing", ""), [])).toBe("");
  expect(await printedBy(undefined, [])).toBeUndefined();
  expect(await printedBy(join(folder, "missing"), [])).toBeUndefined();
  writeFileSync(tool("foreign", ""), "#!/nonexistent/interpreter\n");
  expect(await printedBy(join(folder, "foreign"), [])).toBeUndefined();
  expect(await printedBy(tool("dies", "kill -9 $$"), [])).toBeUndefined();
});

test("a tool that hangs is given up and ended, with a child that holds its output", async () => {
  const pids = join(folder, "pids");
  const path = tool("hangs", `sleep 60 & echo "$$ $!" > ${pids}; wait`);
  const before = performance.now();
  expect(await runTool(path, [], 500)).toBeUndefined();
  expect(performance.now() - before).toBeLessThan(5000);
  await Bun.sleep(100);
  const [own, child] = (await Bun.file(pids).text()).trim().split(" ");
  expect([isAlive(own), isAlive(child)]).toEqual([false, false]);
});

function isAlive(pid: string | undefined): boolean {
  const status = spawnSync("ps", ["-o", "stat=", "-p", String(pid)])
    .stdout.toString()
    .trim();
  return status !== "" && !status.startsWith("Z");
}

test("a tool that prints without end is given up", async () => {
  expect(await runTool(tool("endless", "yes"), [])).toBeUndefined();
});

test("LVM's three reports are read", async () => {
  const report = (kind: string, row: object) => `echo '${JSON.stringify({ report: [{ [kind]: [row] }] })}'`;
  tool("vgs", report("vg", { vg_name: "vg0", vg_size: "4096", vg_free: "0" }));
  tool("pvs", report("pv", { pv_name: "/dev/sda", vg_name: "vg0", pv_used: "4096" }));
  tool("lvs", report("lv", { lv_name: "lv0", vg_name: "vg0", lv_path: "/dev/vg0/lv0", lv_size: "4096" }));
  expect(linuxMachine(await readLinux([folder]), "1.0").volume_groups).toEqual([
    {
      components: "/dev/sda",
      free_size: 0,
      name: "vg0",
      size: 4096,
      logical_volumes: [{ name: "/dev/vg0/lv0", size: 4096 }],
    },
  ]);
});

test("a mounted btrfs is read from its folder in /sys and asked about where it is mounted", async () => {
  const uuid = "0d5ff2a9-9c4a-4c55-9a2b-7e3f6d1c2b30";
  const system = join(folder, "sys");
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(system, path)), { recursive: true });
    writeFileSync(join(system, path), text);
  };
  write("features/raid1c34", "0\n");
  write(`${uuid}/label`, "data\n");
  write(`${uuid}/nodesize`, "16384\n");
  write(`${uuid}/sectorsize`, "4096\n");
  write(`${uuid}/devices/ferry-none`, "");
  write(`${uuid}/allocation/data/flags`, "1\n");
  write(`${uuid}/allocation/data/raid1c3/used_bytes`, "1\n");
  write(`${uuid}/allocation/data/bytes_used`, "7\n");
  tool("btrfs", 'echo "$*"');
  const mountinfo = [
    "23 1 0:39 / /mnt rw - btrfs /dev/ferry-none rw,subvolid=5,subvol=/",
    "24 1 0:40 / /other rw - btrfs /dev/ferry-other rw,subvolid=5,subvol=/",
    "25 1 8:1 / /boot rw - ext4 /dev/ferry-none rw",
  ].join("\n");
  expect(await readBtrfs(mountinfo, [folder], system)).toEqual([
    {
      uuid,
      label: "data\n",
      nodesize: "16384\n",
      sectorsize: "4096\n",
      devices: ["ferry-none"],
      profiles: { data: ["raid1c3"], metadata: [], system: [] },
      bytes_used: { data: "7" },
      mount_points: ["/mnt"],
      subvolumes: "subvolume list -p -u -q /mnt\n",
      default_subvolume: "subvolume get-default /mnt\n",
    },
  ]);
  expect(await readBtrfs("", [], system)).toMatchObject([{ uuid, mount_points: [] }]);
});

test.skipIf(!existsSync("/etc/os-release"))("files are read, and paths looked for", async () => {
  const { files, present } = await readLinux([]);
  expect(files["/etc/os-release"]).toBe(readFileSync("/etc/os-release", "utf8"));
  expect(files["/proc/meminfo"]).toContain("MemTotal:");
  expect(present.includes("/sys/kernel")).toBe(existsSync("/sys/kernel"));
});

test("lsblk is asked again with fewer columns, and only if it refused", async () => {
  const calls = join(folder, "calls");
  const script = (answer: string) => `echo "$*" >> ${calls}; ${answer}`;
  tool(
    "lsblk",
    script(
      'case "$1" in --pairs) echo \'NAME="sda" TYPE="disk" SIZE="7"\';; *) echo unknown column >&2; exit 1;; esac',
    ),
  );
  const machine = linuxMachine(await readLinux([folder]), "1.0");
  expect(machine.disks).toMatchObject([{ name: "/dev/sda", size: 7 }]);
  expect((await Bun.file(calls).text()).trim().split("\n")).toHaveLength(3);
});

test("without any tool the machine is told all the same", async () => {
  const { disks, volume_groups, has_rsync, has_tc, name } = linuxMachine(await readLinux([]), "1.0");
  expect({ disks, volume_groups, has_rsync, has_tc }).toEqual({
    disks: [],
    volume_groups: [],
    has_rsync: false,
    has_tc: false,
  });
  expect(name).not.toBe("");
});
