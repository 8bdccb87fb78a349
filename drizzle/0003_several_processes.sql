CREATE TABLE `master_key_check` (
	`id` integer PRIMARY KEY NOT NULL,
	`sealed` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `ferry_leases` (
	`name` text PRIMARY KEY NOT NULL,
	`holder` text NOT NULL,
	`until` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `ferry_writes` (
	`id` text PRIMARY KEY NOT NULL,
	`made` integer NOT NULL,
	`at` integer DEFAULT (unixepoch() * 1000) NOT NULL
);
