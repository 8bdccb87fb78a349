import type { RawMachine } from "./raw.ts";

/** Files that only lie there where the boot loader is in use; GRUB first, as others leave theirs behind beside it. */
const signs = {
  GRUB: ["/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/boot/grub/grub.conf", "/boot/grub/menu.lst"],
  "systemd-boot": ["/boot/loader/loader.conf", "/efi/loader/loader.conf", "/boot/efi/loader/loader.conf"],
  extlinux: ["/boot/extlinux/extlinux.conf", "/boot/extlinux.conf"],
  LILO: ["/etc/lilo.conf"],
} as const;

/** GRUB's settings, which its package brings: a sign where its own files may not be looked at. */
const GRUB_SETTINGS = "/etc/default/grub";

/** In each folder of one of these GRUB may have its configuration. */
export const efiFolders = ["/boot/efi/EFI", "/efi/EFI", "/boot/EFI"];
export const GRUB_IN_EFI = "grub.cfg";

export const bootLoaderFiles: readonly string[] = [...Object.values(signs).flat(), GRUB_SETTINGS];

/** "" if none was found. */
export function bootLoader({ present, hidden }: RawMachine): string {
  const isGrubInEfi = (path: string) =>
    path.endsWith(`/${GRUB_IN_EFI}`) && efiFolders.some((folder) => path.startsWith(`${folder}/`));
  if (present.some(isGrubInEfi)) return "GRUB";
  for (const [name, paths] of Object.entries(signs)) {
    if (paths.some((path) => present.includes(path))) return name;
    if (name === "GRUB" && paths.some((path) => hidden.includes(path)) && present.includes(GRUB_SETTINGS)) return name;
  }
  return "";
}
