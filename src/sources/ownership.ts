import type { Principal } from "../auth/principal.ts";
import { Failure } from "../core/failure.ts";

/** The source, if the caller may act for it; throws otherwise as `Sources.find` does. */
export function ownSource<Row extends { account_seq: number }>(
  principal: Principal,
  id: string,
  row: Row | undefined,
): Row {
  if (!row || row.account_seq !== principal.account_seq) throw unknownSource(id);
  requireBinding(principal, id);
  return row;
}

/** Throws `forbidden` for a source the caller's key is not bound to. */
export function requireBinding(principal: Principal, source_id: string): void {
  if (principal.bound_to === undefined || principal.bound_to === source_id) return;
  const why =
    principal.bound_to === null ? "is for enrolment: it registers its source first" : "is bound to another one";
  throw new Failure("forbidden", `this key may not act for source ${source_id}: it ${why}`);
}

export function unknownSource(id: string): Failure {
  return new Failure("notFound", `source ${id} is unknown`);
}
