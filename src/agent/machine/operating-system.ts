import { cut, TEXT } from "./fit.ts";

/* os_version in the contract's style: UBUNTU_22_4_64BIT, CENTOS_7_9_64BIT, DEBIAN_12_64BIT, WINDOWS2019_64BIT. */

/** Where the style's name is not the ID of os-release in capitals. */
const names: Readonly<Record<string, string>> = {
  rhel: "REDHAT",
  sles: "SUSE",
  sles_sap: "SUSE",
  "opensuse-leap": "OPENSUSE",
  "opensuse-tumbleweed": "OPENSUSE",
  ol: "ORACLE",
  amzn: "AMAZON",
};

/** As /etc/redhat-release begins, on systems older than os-release. */
const oldNames: readonly (readonly [RegExp, string])[] = [
  [/^CentOS/i, "CENTOS"],
  [/^Red Hat/i, "REDHAT"],
  [/^Oracle/i, "ORACLE"],
  [/^Fedora/i, "FEDORA"],
  [/^EulerOS/i, "EULEROS"],
];

/** From /etc/os-release and /etc/redhat-release, either of which may be missing. */
export function linuxVersion(
  osRelease: string | undefined,
  redhatRelease: string | undefined,
  architecture: string,
): string {
  const release = parseOsRelease(osRelease ?? "");
  const id = release.ID?.toLowerCase();
  const name = id === undefined ? oldName(redhatRelease ?? "") : (names[id] ?? styled(id));
  return styledVersion(name ?? "LINUX", versionOf(release, redhatRelease ?? ""), bits(architecture));
}

/** From what node:os calls the version, as "Windows Server 2019 Datacenter". */
export function windowsVersion(version: string, architecture: string): string {
  const [, year = "", r2] = /^Windows (?:Server )?(\d+)( R2)?/i.exec(version) ?? [];
  return `WINDOWS${year}${r2 === undefined ? "" : "_R2"}_${bits(architecture)}`;
}

function versionOf(release: Readonly<Record<string, string>>, redhatRelease: string): string {
  const { VERSION = "", VERSION_ID = "" } = release;
  // EulerOS 2.0 (SP5) is called 2.5.
  const servicePack = release.ID === "euleros" ? /\(SP(\d+)/.exec(VERSION)?.[1] : undefined;
  if (servicePack !== undefined) return `${VERSION_ID.split(".")[0]}.${servicePack}`;
  if (VERSION_ID.includes(".")) return VERSION_ID;
  // CentOS says 7 in the one file and 7.9.2009 in the other; a Debian has no other file.
  const [, longer] = /release (\d+\.\d+)/i.exec(redhatRelease) ?? [];
  return longer !== undefined && (VERSION_ID === "" || longer.startsWith(`${VERSION_ID}.`)) ? longer : VERSION_ID;
}

/** 22.04 is 22_4: its parts are numbers. */
function styledVersion(name: string, version: string, bits: string): string {
  const parts = version.split(".").map((part) => styled(/^\d+$/.test(part) ? String(Number(part)) : part));
  return cut([name, ...parts, bits].filter((part) => part !== "").join("_"), TEXT) ?? bits;
}

function styled(text: string): string {
  return text
    .toUpperCase()
    .replace(/[^A-Z0-9]+/g, "_")
    .replace(/^_|_$/g, "");
}

function oldName(redhatRelease: string): string | undefined {
  return oldNames.find(([begins]) => begins.test(redhatRelease))?.[1];
}

function bits(architecture: string): string {
  return /64|s390x/.test(architecture) ? "64BIT" : "32BIT";
}

/** NAME=value lines; the value may be quoted as in a shell. */
function parseOsRelease(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const [, name, value] = /^\s*([A-Z_]+)=(.*?)\s*$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) values[name] = value.replace(/^(["'])(.*)\1$/, "$2");
  }
  return values;
}
