export const roles = ["viewer", "agent", "operator", "admin"] as const;
export type Role = (typeof roles)[number];

/** Who calls. Everything a caller can see or change belongs to `account`. */
export interface Principal {
  account_seq: number;
  account_id: string;
  access_key: string;
  role: Role;
  /** Project ids of the account: what X-Project-Id may name. */
  project_ids: readonly string[];
  /** Client address, where the runtime tells it. */
  address: string | null;
}
