import type { InferRequestType } from "hono/client";
import type { Client } from "../../client/client.ts";

/** What registerServer takes: the server's own schema, seen through the client. */
export type Machine = InferRequestType<Client["v3"]["sources"]["$post"]>["json"];

type ItemOf<List> = NonNullable<List> extends readonly (infer Item)[] ? Item : never;

export type Disk = ItemOf<Machine["disks"]>;
export type PhysicalVolume = ItemOf<Disk["physical_volumes"]>;
export type VolumeGroup = ItemOf<Machine["volume_groups"]>;
export type LogicalVolume = ItemOf<VolumeGroup["logical_volumes"]>;
export type Btrfs = ItemOf<Machine["btrfs_list"]>;
export type Subvolume = ItemOf<Btrfs["subvolumn"]>;
export type Network = ItemOf<Machine["networks"]>;
export type Platform = NonNullable<Machine["platform"]>;
