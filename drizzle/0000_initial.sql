CREATE TABLE `access_keys` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`access_key` text NOT NULL,
	`account_seq` integer NOT NULL,
	`project_id` text NOT NULL,
	`role` text NOT NULL,
	`sealed_secret` text NOT NULL,
	`description` text,
	`created_at` integer NOT NULL,
	`disabled_at` integer,
	FOREIGN KEY (`account_seq`) REFERENCES `accounts`(`seq`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`project_id`) REFERENCES `projects`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `access_keys_access_key_unique` ON `access_keys` (`access_key`);--> statement-breakpoint
CREATE INDEX `access_keys_by_account` ON `access_keys` (`account_seq`);--> statement-breakpoint
CREATE TABLE `accounts` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` text NOT NULL,
	`name` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `accounts_id_unique` ON `accounts` (`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `accounts_name_unique` ON `accounts` (`name`);--> statement-breakpoint
CREATE TABLE `projects` (
	`id` text PRIMARY KEY NOT NULL,
	`account_seq` integer NOT NULL,
	`name` text NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`account_seq`) REFERENCES `accounts`(`seq`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `projects_by_name` ON `projects` (`account_seq`,`name`);--> statement-breakpoint
CREATE TABLE `commands` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` text NOT NULL,
	`account_seq` integer NOT NULL,
	`source_seq` integer NOT NULL,
	`command_name` text NOT NULL,
	`task_id` text,
	`bucket` text,
	`state` text NOT NULL,
	`reason` text,
	`attempts` integer DEFAULT 0 NOT NULL,
	`created_at` integer NOT NULL,
	`first_delivered_at` integer,
	`last_delivered_at` integer,
	`deliver_by` integer,
	`finish_within_s` integer,
	`due_at` integer,
	`ended_at` integer,
	`result_digest` text,
	`idempotency_key` text,
	`order_digest` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `commands_id_unique` ON `commands` (`id`);--> statement-breakpoint
CREATE INDEX `commands_by_account` ON `commands` (`account_seq`);--> statement-breakpoint
CREATE INDEX `commands_by_source` ON `commands` (`source_seq`,`command_name`);--> statement-breakpoint
CREATE INDEX `commands_open` ON `commands` (`source_seq`) WHERE ended_at IS NULL;--> statement-breakpoint
CREATE INDEX `commands_due` ON `commands` (`due_at`) WHERE ended_at IS NULL AND due_at IS NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX `commands_by_idempotency_key` ON `commands` (`source_seq`,`idempotency_key`) WHERE idempotency_key IS NOT NULL;--> statement-breakpoint
CREATE TABLE `results` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` text NOT NULL,
	`account_seq` integer NOT NULL,
	`source_seq` integer NOT NULL,
	`command_seq` integer,
	`command_name` text NOT NULL,
	`result` text NOT NULL,
	`result_detail` text NOT NULL,
	`kind` text NOT NULL,
	`received_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `results_by_account` ON `results` (`account_seq`);--> statement-breakpoint
CREATE INDEX `results_by_source` ON `results` (`source_seq`);--> statement-breakpoint
CREATE INDEX `results_by_time` ON `results` (`received_at`);--> statement-breakpoint
CREATE INDEX `results_by_command` ON `results` (`command_seq`) WHERE command_seq IS NOT NULL;--> statement-breakpoint
CREATE TABLE `events` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`account_seq` integer NOT NULL,
	`at` integer NOT NULL,
	`type` text NOT NULL,
	`actor` text,
	`address` text,
	`source_id` text,
	`command_id` text,
	`data` text
);
--> statement-breakpoint
CREATE INDEX `events_by_account` ON `events` (`account_seq`);--> statement-breakpoint
CREATE INDEX `events_by_source` ON `events` (`source_id`) WHERE source_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX `events_by_command` ON `events` (`command_id`) WHERE command_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX `events_by_time` ON `events` (`at`);--> statement-breakpoint
CREATE TABLE `readiness` (
	`id` integer PRIMARY KEY NOT NULL,
	`checked_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `migprojects` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` text NOT NULL,
	`account_seq` integer NOT NULL,
	`name` text NOT NULL,
	`description` text NOT NULL,
	`isdefault` integer NOT NULL,
	`region` text NOT NULL,
	`start_target_server` integer NOT NULL,
	`speed_limit` integer NOT NULL,
	`use_public_ip` integer NOT NULL,
	`exist_server` integer NOT NULL,
	`type` text NOT NULL,
	`enterprise_project` text NOT NULL,
	`syncing` integer NOT NULL,
	`start_network_check` integer NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `migprojects_id_unique` ON `migprojects` (`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `migprojects_by_name` ON `migprojects` (`account_seq`,`name`);--> statement-breakpoint
CREATE TABLE `source_presence` (
	`source_seq` integer PRIMARY KEY NOT NULL,
	`seen_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `sources` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` text NOT NULL,
	`account_seq` integer NOT NULL,
	`migproject_seq` integer NOT NULL,
	`name` text NOT NULL,
	`ip` text,
	`ipv6` text,
	`state` text NOT NULL,
	`migration_cycle` text NOT NULL,
	`registration` text NOT NULL,
	`add_date` integer NOT NULL,
	`registered_at` integer NOT NULL,
	`state_action_time` integer NOT NULL,
	`stage_action_time` integer NOT NULL,
	`deleted_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `sources_id_unique` ON `sources` (`id`);--> statement-breakpoint
CREATE INDEX `sources_by_account` ON `sources` (`account_seq`,`deleted_at`);