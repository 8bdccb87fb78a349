CREATE TABLE `source_counts` (
	`account_seq` integer NOT NULL,
	`migproject_seq` integer NOT NULL,
	`state` text NOT NULL,
	`migration_cycle` text NOT NULL,
	`sources` integer NOT NULL,
	PRIMARY KEY(`account_seq`, `migproject_seq`, `state`, `migration_cycle`)
);
--> statement-breakpoint
CREATE TABLE `task_counts` (
	`account_seq` integer NOT NULL,
	`state` text NOT NULL,
	`tasks` integer NOT NULL,
	PRIMARY KEY(`account_seq`, `state`)
);
--> statement-breakpoint
CREATE TABLE `__new_events` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`account_seq` integer NOT NULL,
	`at` integer NOT NULL,
	`type` text NOT NULL,
	`actor` text,
	`address` text,
	`source_seq` integer,
	`command_seq` integer,
	`data` text
);
--> statement-breakpoint
INSERT INTO `__new_events` (`seq`, `account_seq`, `at`, `type`, `actor`, `address`, `source_seq`, `command_seq`, `data`) SELECT `events`.`seq`, `events`.`account_seq`, `at`, `type`, `actor`, `address`, `sources`.`seq`, `commands`.`seq`, CASE WHEN `commands`.`seq` IS NULL THEN `data` ELSE nullif(nullif(json_remove(`data`, '$.command_name'), '{}'), '{"result":"success","kind":"matched"}') END FROM `events` LEFT JOIN `sources` ON `sources`.`id` = `events`.`source_id` LEFT JOIN `commands` ON `commands`.`id` = `events`.`command_id` ORDER BY `events`.`seq`;--> statement-breakpoint
DELETE FROM `sqlite_sequence` WHERE `name` = '__new_events';--> statement-breakpoint
INSERT INTO `sqlite_sequence` (`name`, `seq`) SELECT '__new_events', `seq` FROM `sqlite_sequence` WHERE `name` = 'events';--> statement-breakpoint
DROP TABLE `events`;--> statement-breakpoint
ALTER TABLE `__new_events` RENAME TO `events`;--> statement-breakpoint
CREATE INDEX `events_by_type` ON `events` (`account_seq`,`type`,`at`) WHERE type NOT IN ('command.queued', 'command.delivered', 'command.reported');--> statement-breakpoint
CREATE INDEX `events_by_source` ON `events` (`source_seq`) WHERE source_seq IS NOT NULL;--> statement-breakpoint
CREATE INDEX `events_by_command` ON `events` (`command_seq`) WHERE command_seq IS NOT NULL;--> statement-breakpoint
CREATE INDEX `events_by_time` ON `events` (`account_seq`,`at`);--> statement-breakpoint
CREATE TABLE `__new_commands` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` blob NOT NULL,
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
INSERT INTO `__new_commands`("seq", "id", "account_seq", "source_seq", "command_name", "task_id", "bucket", "state", "reason", "attempts", "created_at", "first_delivered_at", "last_delivered_at", "deliver_by", "finish_within_s", "due_at", "ended_at", "result_digest", "idempotency_key", "order_digest") SELECT "seq", unhex(replace("id", '-', '')), "account_seq", "source_seq", "command_name", "task_id", "bucket", "state", "reason", "attempts", "created_at", "first_delivered_at", "last_delivered_at", "deliver_by", "finish_within_s", "due_at", "ended_at", substr("result_digest", instr("result_digest", ' ') + 1, 24), "idempotency_key", "order_digest" FROM `commands`;--> statement-breakpoint
DELETE FROM `sqlite_sequence` WHERE `name` = '__new_commands';--> statement-breakpoint
INSERT INTO `sqlite_sequence` (`name`, `seq`) SELECT '__new_commands', `seq` FROM `sqlite_sequence` WHERE `name` = 'commands';--> statement-breakpoint
DROP TABLE `commands`;--> statement-breakpoint
ALTER TABLE `__new_commands` RENAME TO `commands`;--> statement-breakpoint
CREATE UNIQUE INDEX `commands_id_unique` ON `commands` (`id`);--> statement-breakpoint
CREATE INDEX `commands_by_time` ON `commands` (`account_seq`,`created_at`);--> statement-breakpoint
CREATE INDEX `commands_by_state` ON `commands` (`account_seq`,`state`,`created_at`,`seq`,`command_name`) WHERE state <> 'succeeded';--> statement-breakpoint
CREATE INDEX `commands_by_source` ON `commands` (`source_seq`,`command_name`);--> statement-breakpoint
CREATE INDEX `commands_open` ON `commands` (`source_seq`) WHERE ended_at IS NULL;--> statement-breakpoint
CREATE INDEX `commands_due` ON `commands` (`due_at`) WHERE ended_at IS NULL AND due_at IS NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX `commands_by_idempotency_key` ON `commands` (`source_seq`,`idempotency_key`) WHERE idempotency_key IS NOT NULL;--> statement-breakpoint
CREATE TABLE `__new_results` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` blob NOT NULL,
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
INSERT INTO `__new_results`("seq", "id", "account_seq", "source_seq", "command_seq", "command_name", "result", "result_detail", "kind", "received_at") SELECT "seq", unhex(replace("id", '-', '')), "account_seq", "source_seq", "command_seq", "command_name", "result", "result_detail", "kind", "received_at" FROM `results`;--> statement-breakpoint
DELETE FROM `sqlite_sequence` WHERE `name` = '__new_results';--> statement-breakpoint
INSERT INTO `sqlite_sequence` (`name`, `seq`) SELECT '__new_results', `seq` FROM `sqlite_sequence` WHERE `name` = 'results';--> statement-breakpoint
DROP TABLE `results`;--> statement-breakpoint
ALTER TABLE `__new_results` RENAME TO `results`;--> statement-breakpoint
CREATE INDEX `results_by_time` ON `results` (`account_seq`,`received_at`);--> statement-breakpoint
CREATE INDEX `results_failed` ON `results` (`account_seq`,`received_at`,`seq`,`kind`,`command_name`) WHERE result = 'fail';--> statement-breakpoint
CREATE INDEX `results_unmatched` ON `results` (`account_seq`,`kind`,`received_at`,`seq`,`result`,`command_name`) WHERE kind <> 'matched';--> statement-breakpoint
CREATE INDEX `results_by_source` ON `results` (`source_seq`);--> statement-breakpoint
CREATE INDEX `results_by_command` ON `results` (`command_seq`) WHERE command_seq IS NOT NULL;--> statement-breakpoint
DROP INDEX `sources_by_account`;--> statement-breakpoint
CREATE INDEX `sources_listed` ON `sources` (`account_seq`,`seq`,`name`,`state`,`migration_cycle`,`migproject_seq`,`ip`,`ipv6`) WHERE deleted_at IS NULL;--> statement-breakpoint
CREATE INDEX `sources_by_state` ON `sources` (`account_seq`,`state`) WHERE deleted_at IS NULL;--> statement-breakpoint
CREATE INDEX `sources_by_cycle` ON `sources` (`account_seq`,`migration_cycle`) WHERE deleted_at IS NULL;--> statement-breakpoint
CREATE INDEX `sources_by_ip` ON `sources` (`account_seq`,`ip`) WHERE deleted_at IS NULL AND ip IS NOT NULL;--> statement-breakpoint
CREATE INDEX `sources_by_ipv6` ON `sources` (`account_seq`,`ipv6`) WHERE deleted_at IS NULL AND ipv6 IS NOT NULL;--> statement-breakpoint
DROP INDEX `tasks_by_account`;--> statement-breakpoint
CREATE INDEX `tasks_listed` ON `tasks` (`account_seq`,`seq`,`state`,`name`);--> statement-breakpoint
CREATE INDEX `tasks_by_state` ON `tasks` (`account_seq`,`state`);--> statement-breakpoint
INSERT INTO `source_counts` (`account_seq`, `migproject_seq`, `state`, `migration_cycle`, `sources`) SELECT `account_seq`, `migproject_seq`, `state`, `migration_cycle`, count(*) FROM `sources` WHERE `deleted_at` IS NULL GROUP BY `account_seq`, `migproject_seq`, `state`, `migration_cycle`;--> statement-breakpoint
CREATE TRIGGER `source_counts_made` AFTER INSERT ON `sources` WHEN NEW.`deleted_at` IS NULL BEGIN INSERT INTO `source_counts` (`account_seq`, `migproject_seq`, `state`, `migration_cycle`, `sources`) VALUES (NEW.`account_seq`, NEW.`migproject_seq`, NEW.`state`, NEW.`migration_cycle`, 1) ON CONFLICT (`account_seq`, `migproject_seq`, `state`, `migration_cycle`) DO UPDATE SET `sources` = `sources` + 1; END;--> statement-breakpoint
CREATE TRIGGER `source_counts_left` AFTER UPDATE OF `account_seq`, `migproject_seq`, `state`, `migration_cycle`, `deleted_at` ON `sources` WHEN OLD.`deleted_at` IS NULL BEGIN UPDATE `source_counts` SET `sources` = `sources` - 1 WHERE `account_seq` = OLD.`account_seq` AND `migproject_seq` = OLD.`migproject_seq` AND `state` = OLD.`state` AND `migration_cycle` = OLD.`migration_cycle`; END;--> statement-breakpoint
CREATE TRIGGER `source_counts_come` AFTER UPDATE OF `account_seq`, `migproject_seq`, `state`, `migration_cycle`, `deleted_at` ON `sources` WHEN NEW.`deleted_at` IS NULL BEGIN INSERT INTO `source_counts` (`account_seq`, `migproject_seq`, `state`, `migration_cycle`, `sources`) VALUES (NEW.`account_seq`, NEW.`migproject_seq`, NEW.`state`, NEW.`migration_cycle`, 1) ON CONFLICT (`account_seq`, `migproject_seq`, `state`, `migration_cycle`) DO UPDATE SET `sources` = `sources` + 1; END;--> statement-breakpoint
CREATE TRIGGER `source_counts_gone` AFTER DELETE ON `sources` WHEN OLD.`deleted_at` IS NULL BEGIN UPDATE `source_counts` SET `sources` = `sources` - 1 WHERE `account_seq` = OLD.`account_seq` AND `migproject_seq` = OLD.`migproject_seq` AND `state` = OLD.`state` AND `migration_cycle` = OLD.`migration_cycle`; END;--> statement-breakpoint
INSERT INTO `task_counts` (`account_seq`, `state`, `tasks`) SELECT `account_seq`, `state`, count(*) FROM `tasks` GROUP BY `account_seq`, `state`;--> statement-breakpoint
CREATE TRIGGER `task_counts_made` AFTER INSERT ON `tasks` BEGIN INSERT INTO `task_counts` (`account_seq`, `state`, `tasks`) VALUES (NEW.`account_seq`, NEW.`state`, 1) ON CONFLICT (`account_seq`, `state`) DO UPDATE SET `tasks` = `tasks` + 1; END;--> statement-breakpoint
CREATE TRIGGER `task_counts_moved` AFTER UPDATE OF `account_seq`, `state` ON `tasks` BEGIN UPDATE `task_counts` SET `tasks` = `tasks` - 1 WHERE `account_seq` = OLD.`account_seq` AND `state` = OLD.`state`; INSERT INTO `task_counts` (`account_seq`, `state`, `tasks`) VALUES (NEW.`account_seq`, NEW.`state`, 1) ON CONFLICT (`account_seq`, `state`) DO UPDATE SET `tasks` = `tasks` + 1; END;--> statement-breakpoint
CREATE TRIGGER `task_counts_gone` AFTER DELETE ON `tasks` BEGIN UPDATE `task_counts` SET `tasks` = `tasks` - 1 WHERE `account_seq` = OLD.`account_seq` AND `state` = OLD.`state`; END;
