CREATE TABLE `agreements` (
	`account_seq` integer PRIMARY KEY NOT NULL,
	`accepted_at` integer NOT NULL,
	`actor` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `consistency_results` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`task_seq` integer NOT NULL,
	`finished_time` integer NOT NULL,
	`consistency_result` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `consistency_results_by_task` ON `consistency_results` (`task_seq`);--> statement-breakpoint
CREATE TABLE `subtasks` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`task_seq` integer NOT NULL,
	`name` text NOT NULL,
	`progress` integer NOT NULL,
	`start_date` integer NOT NULL,
	`end_date` integer,
	`migrate_speed` real,
	`process_trace` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `subtasks_by_name` ON `subtasks` (`task_seq`,`name`);--> statement-breakpoint
CREATE TABLE `task_progress` (
	`task_seq` integer PRIMARY KEY NOT NULL,
	`reported_at` integer NOT NULL,
	`replicatesize` integer NOT NULL,
	`totalsize` integer NOT NULL,
	`migrate_speed` real,
	`compress_rate` real,
	`remain_time` integer,
	`total_cpu_usage` real,
	`agent_cpu_usage` real,
	`total_mem_usage` real,
	`agent_mem_usage` real,
	`total_disk_io` real,
	`agent_disk_io` real,
	`need_migration_test` integer
);
--> statement-breakpoint
CREATE TABLE `task_secrets` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`task_seq` integer NOT NULL,
	`kind` text NOT NULL,
	`sealed` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `task_secrets_by_kind` ON `task_secrets` (`task_seq`,`kind`);--> statement-breakpoint
CREATE TABLE `tasks` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` text NOT NULL,
	`account_seq` integer NOT NULL,
	`source_seq` integer NOT NULL,
	`name` text NOT NULL,
	`type` text NOT NULL,
	`os_type` text NOT NULL,
	`vm_id` text,
	`definition` text NOT NULL,
	`target_layout` text NOT NULL,
	`state` text NOT NULL,
	`before` text,
	`stops_unbegun` integer DEFAULT false NOT NULL,
	`return_at` integer,
	`error_json` text,
	`log_bucket` text,
	`log_collect_status` text DEFAULT 'INIT' NOT NULL,
	`log_upload_time` integer,
	`network_check_info` text,
	`configurations` text NOT NULL,
	`speed_limit` text NOT NULL,
	`create_date` integer NOT NULL,
	`start_date` integer,
	`finish_date` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `tasks_id_unique` ON `tasks` (`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `tasks_by_source` ON `tasks` (`source_seq`);--> statement-breakpoint
CREATE INDEX `tasks_by_account` ON `tasks` (`account_seq`);--> statement-breakpoint
CREATE INDEX `tasks_by_vm` ON `tasks` (`vm_id`) WHERE vm_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX `tasks_failed` ON `tasks` (`account_seq`) WHERE error_json IS NOT NULL;--> statement-breakpoint
CREATE INDEX `tasks_returning` ON `tasks` (`return_at`) WHERE return_at IS NOT NULL;--> statement-breakpoint
CREATE TABLE `templates` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` text NOT NULL,
	`account_seq` integer NOT NULL,
	`name` text NOT NULL,
	`region` text,
	`availability_zone` text,
	`definition` text NOT NULL,
	`target_password_sealed` text,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `templates_id_unique` ON `templates` (`id`);--> statement-breakpoint
CREATE INDEX `templates_by_account` ON `templates` (`account_seq`);--> statement-breakpoint
CREATE UNIQUE INDEX `migprojects_default` ON `migprojects` (`account_seq`) WHERE isdefault = 1;--> statement-breakpoint
CREATE INDEX `sources_by_migproject` ON `sources` (`migproject_seq`) WHERE deleted_at IS NULL;