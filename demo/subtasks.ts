import type { Machine } from "./estate.ts";
import type { Subtask } from "./teller.ts";

/** The steps of a migration, by the names the wire has for them. */
export interface Subtasks {
  /** Before the copy. */
  before: readonly Subtask[];
  copy: Subtask;
  /** After it. */
  after: readonly Subtask[];
  sync: Subtask;
}

const toBegin = ["CREATE_CLOUD_SERVER", "SSL_CONFIG", "ATTACH_AGENT_IMAGE"] as const;

const subtasks: Record<"linuxFile" | "linuxBlock" | "windowsBlock", Subtasks> = {
  linuxFile: {
    before: [...toBegin, "FORMAT_DISK_LINUX_FILE"],
    copy: "MIGRATE_LINUX_FILE",
    after: ["CONFIGURE_LINUX_FILE", "DETTACH_AGENT_IMAGE"],
    sync: "SYNC_LINUX_FILE",
  },
  linuxBlock: {
    before: [...toBegin, "FORMAT_DISK_LINUX_BLOCK"],
    copy: "MIGRATE_LINUX_BLOCK",
    after: ["CONFIGURE_LINUX_BLOCK", "DETTACH_AGENT_IMAGE"],
    sync: "SYNC_LINUX_BLOCK",
  },
  windowsBlock: {
    before: [...toBegin, "FORMAT_DISK_WINDOWS"],
    copy: "MIGRATE_WINDOWS_BLOCK",
    after: ["CONFIGURE_WINDOWS", "DETTACH_AGENT_IMAGE"],
    sync: "SYNC_WINDOWS_BLOCK",
  },
};

export function subtasksOf({ registration, load }: Machine): Subtasks {
  if (registration.os_type === "WINDOWS") return subtasks.windowsBlock;
  return load.type === "MIGRATE_BLOCK" ? subtasks.linuxBlock : subtasks.linuxFile;
}
