CREATE TABLE `tokens` (
	`seq` integer PRIMARY KEY NOT NULL,
	`hash` text NOT NULL,
	`user_seq` integer NOT NULL,
	`project_id` text,
	`method` text NOT NULL,
	`issued_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	FOREIGN KEY (`user_seq`) REFERENCES `users`(`seq`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`project_id`) REFERENCES `projects`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `tokens_hash_unique` ON `tokens` (`hash`);--> statement-breakpoint
CREATE INDEX `tokens_by_user` ON `tokens` (`user_seq`);--> statement-breakpoint
CREATE INDEX `tokens_by_expiry` ON `tokens` (`expires_at`);--> statement-breakpoint
CREATE TABLE `users` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` text NOT NULL,
	`account_seq` integer NOT NULL,
	`name` text NOT NULL,
	`role` text NOT NULL,
	`password_hash` text,
	`created_at` integer NOT NULL,
	`disabled_at` integer,
	FOREIGN KEY (`account_seq`) REFERENCES `accounts`(`seq`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `users_id_unique` ON `users` (`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `users_by_name` ON `users` (`account_seq`,`name`);--> statement-breakpoint
INSERT INTO `users` (`id`, `account_seq`, `name`, `role`, `created_at`) SELECT lower(hex(randomblob(16))), `seq`, 'admin', 'admin', `created_at` FROM `accounts`;--> statement-breakpoint
CREATE TABLE `__new_access_keys` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`access_key` text NOT NULL,
	`account_seq` integer NOT NULL,
	`user_seq` integer NOT NULL,
	`project_id` text NOT NULL,
	`role` text,
	`sealed_secret` text NOT NULL,
	`security_token_hash` text,
	`description` text,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	`disabled_at` integer,
	`is_enrolment` integer DEFAULT false NOT NULL,
	`source_id` text,
	FOREIGN KEY (`account_seq`) REFERENCES `accounts`(`seq`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`user_seq`) REFERENCES `users`(`seq`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`project_id`) REFERENCES `projects`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
INSERT INTO `__new_access_keys` (`seq`, `access_key`, `account_seq`, `user_seq`, `project_id`, `role`, `sealed_secret`, `description`, `created_at`, `disabled_at`) SELECT `access_keys`.`seq`, `access_key`, `access_keys`.`account_seq`, `users`.`seq`, `project_id`, `access_keys`.`role`, `sealed_secret`, `description`, `access_keys`.`created_at`, `access_keys`.`disabled_at` FROM `access_keys` INNER JOIN `users` ON `users`.`account_seq` = `access_keys`.`account_seq`;--> statement-breakpoint
DROP TABLE `access_keys`;--> statement-breakpoint
ALTER TABLE `__new_access_keys` RENAME TO `access_keys`;--> statement-breakpoint
CREATE UNIQUE INDEX `access_keys_access_key_unique` ON `access_keys` (`access_key`);--> statement-breakpoint
CREATE INDEX `access_keys_by_account` ON `access_keys` (`account_seq`);--> statement-breakpoint
CREATE INDEX `access_keys_by_user` ON `access_keys` (`user_seq`);--> statement-breakpoint
CREATE INDEX `temporary_keys_by_expiry` ON `access_keys` (`expires_at`) WHERE security_token_hash IS NOT NULL;