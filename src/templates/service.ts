import type { Principal } from "../auth/principal.ts";
import { Failure } from "../core/failure.ts";
import type { Platform } from "../core/platform.ts";
import type { Sealer } from "../core/sealed.ts";
import type { Database } from "../db/database.ts";
import type { Executor } from "../db/executor.ts";
import { record } from "../events/service.ts";
import {
  DEFAULT_TEMPLATES_PER_PAGE,
  type ListTemplatesQuery,
  type ListTemplatesResponse,
  type ShowTargetPasswordResponse,
  type TemplateRequest,
  type TemplateResponseBody,
} from "./schema.ts";
import {
  deleteTemplates,
  insertTemplate,
  selectTemplate,
  selectTemplatePage,
  selectTemplatesWithIds,
  type TemplateRow,
  updateTemplate,
} from "./store.ts";

/** Templates of target machines. Nothing refers to one: a task names its template by id, and that is not looked up. */
export class Templates {
  readonly #platform: Platform;
  readonly #database: Database;
  readonly #sealer: Sealer;

  constructor(platform: Platform, database: Database, sealer: Sealer) {
    this.#platform = platform;
    this.#database = database;
    this.#sealer = sealer;
  }

  /** Names need not be unique. */
  async createTemplate(principal: Principal, template: TemplateRequest): Promise<{ id: string }> {
    const { name, region, availability_zone, target_password, ...definition } = template;
    const id = this.#platform.newId();
    await this.#database.writer.transaction(async (tx) => {
      const created_at = this.#platform.now();
      await insertTemplate(tx, {
        id,
        account_seq: principal.account_seq,
        name,
        region: region ?? null,
        availability_zone: availability_zone ?? null,
        definition,
        target_password_sealed: this.#seal(id, target_password),
        created_at,
      });
      await record(tx, principal, created_at, { type: "template.created", data: { template_id: id, name } });
    });
    return { id };
  }

  /** Templates of the caller's account, oldest first. */
  async listTemplates(principal: Principal, query: ListTemplatesQuery): Promise<ListTemplatesResponse> {
    const page = { limit: query.limit || DEFAULT_TEMPLATES_PER_PAGE, offset: query.offset ?? 0 };
    const { count, rows } = await selectTemplatePage(this.#database.reader, principal.account_seq, query, page);
    return { count, templates: rows.map(inReplies) };
  }

  /** Throws `notFound` for an id that is not one of the caller's account. */
  async showTemplate(principal: Principal, id: string): Promise<{ template: TemplateResponseBody }> {
    return { template: inReplies(await own(this.#database.reader, principal, id)) };
  }

  /** What no other call tells; empty if there is none. Throws `notFound`. */
  async showTargetPassword(principal: Principal, id: string): Promise<ShowTargetPasswordResponse> {
    const { target_password_sealed: sealed } = await own(this.#database.reader, principal, id);
    return { template_id: id, target_password: sealed === null ? "" : this.#sealer.open(sealed, passwordPurpose(id)) };
  }

  /** Changes the members sent, each as a whole; what is absent stays. Throws `notFound`. */
  async updateTemplate(principal: Principal, id: string, template: TemplateRequest | undefined): Promise<void> {
    await this.#database.writer.transaction(async (tx) => {
      const row = await own(tx, principal, id);
      if (template === undefined) return;
      const { name, region, availability_zone, target_password, ...definition } = template;
      await updateTemplate(tx, row.seq, {
        name,
        ...(region !== undefined && { region }),
        ...(availability_zone !== undefined && { availability_zone }),
        definition: { ...row.definition, ...definition },
        ...(target_password !== undefined && { target_password_sealed: this.#seal(id, target_password) }),
      });
      const data = { template_id: id, name };
      await record(tx, principal, this.#platform.now(), { type: "template.updated", data });
    });
  }

  /** All of them or none; an id given twice counts once. Throws `notFound` if one is not of the caller's account. */
  async deleteTemplates(principal: Principal, ids: readonly string[]): Promise<void> {
    await this.#database.writer.transaction(async (tx) => {
      const found = await selectTemplatesWithIds(tx, principal.account_seq, ids);
      const unknown = ids.find((id) => !found.some((template) => template.id === id));
      if (unknown !== undefined) throw unknownTemplate(unknown);
      await deleteTemplates(
        tx,
        found.map(({ seq }) => seq),
      );
      const changes = found.map(({ id, name }) => ({
        type: "template.deleted" as const,
        data: { template_id: id, name },
      }));
      await record(tx, principal, this.#platform.now(), ...changes);
    });
  }

  #seal(id: string, password: string | undefined): string | null {
    return password ? this.#sealer.seal(password, passwordPurpose(id)) : null;
  }
}

/** What a template's password is sealed for. */
export function passwordPurpose(template_id: string): string {
  return `target password of template ${template_id}`;
}

async function own(db: Executor, principal: Principal, id: string): Promise<TemplateRow> {
  const row = await selectTemplate(db, principal.account_seq, id);
  if (!row) throw unknownTemplate(id);
  return row;
}

function unknownTemplate(id: string): Failure {
  return new Failure("notFound", `template ${id} is unknown`);
}

/** Absent texts are empty, absent objects left out. Source: docs/decisions.md, "Templates". */
function inReplies({ id, name, region, availability_zone, definition }: TemplateRow): TemplateResponseBody {
  const { vpc, publicip } = definition;
  return {
    id,
    name,
    is_template: definition.is_template ? "true" : "false",
    region: region ?? "",
    projectid: definition.projectid ?? "",
    target_server_name: definition.target_server_name ?? "",
    availability_zone: availability_zone ?? "",
    volumetype: definition.volumetype ?? "",
    flavor: definition.flavor ?? "",
    ...(vpc && { vpc }),
    nics: definition.nics ?? [],
    security_groups: definition.security_groups ?? [],
    ...(publicip && { publicip }),
    disk: definition.disk ?? [],
    data_volume_type: definition.data_volume_type ?? "",
    target_password: "",
    image_id: definition.image_id ?? "",
  };
}
