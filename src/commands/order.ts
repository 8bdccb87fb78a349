import { jsonDigest } from "../core/exact-json.ts";
import { Failure } from "../core/failure.ts";
import type { Transaction } from "../db/executor.ts";
import type { SourceRef } from "../sources/service.ts";
import type { QueueCommandBody } from "./schema.ts";
import { type CommandRow, type NewCommand, selectByIdempotencyKey } from "./store.ts";

/** What is to be queued. */
export type Order = Pick<NewCommand, "command_name"> &
  Partial<
    Pick<NewCommand, "task_id" | "bucket" | "deliver_by" | "finish_within_s" | "idempotency_key" | "order_digest">
  >;

/** The command an earlier order with the same idempotency key made. Throws `conflict` if that order was another one. */
export async function orderedBefore(
  tx: Transaction,
  source: SourceRef,
  { idempotency_key: key, order_digest }: Order,
): Promise<CommandRow | undefined> {
  const earlier = key == null ? undefined : await selectByIdempotencyKey(tx, source.seq, key);
  if (earlier && earlier.order_digest !== order_digest) {
    throw new Failure("conflict", `idempotency_key ${key} was used for another order to this source`);
  }
  return earlier;
}

export type DirectOrder = ReturnType<typeof orderOf>;

/** Whether it moves no task and no earlier order has to be looked for. */
export function isPlain({ task_id, idempotency_key }: DirectOrder): boolean {
  return task_id === null && idempotency_key === null;
}

export function refusePassed({ deliver_by }: Pick<DirectOrder, "deliver_by">, now: number): void {
  if (deliver_by === null || deliver_by > now) return;
  throw new Failure("invalid", `deliver_by ${deliver_by} has passed: it is ${now} now (milliseconds since 1970)`);
}

/** With a digest that is equal for orders that mean the same. */
export function orderOf({ command_name, command_param, ...limits }: QueueCommandBody) {
  const task_id = command_param?.task_id ?? null;
  const bucket = command_param?.bucket ?? null;
  const deliver_by = limits.deliver_by ?? null;
  const finish_within_s = limits.finish_within_s ?? null;
  const idempotency_key = limits.idempotency_key ?? null;
  const order_digest = jsonDigest(JSON.stringify([command_name, task_id, bucket, deliver_by, finish_within_s]));
  return { command_name, task_id, bucket, deliver_by, finish_within_s, idempotency_key, order_digest };
}
