import * as v from "valibot";
import { text } from "../http/wire.ts";

/* The part of IAM that clients of SMS use. Source: docs/decisions.md, "Neighbours on the same port". */

const named = { id: v.optional(text(1, 64)), name: v.optional(text(1, 64)) };
const Named = v.object(named);

/** Unknown members are passed over: IAM has more than is served. */
export const CreateTokenBody = v.object({
  auth: v.object({
    identity: v.object({
      methods: v.pipe(
        v.array(v.picklist(["password", "token"])),
        v.minLength(1),
        v.maxLength(1),
        v.description("One of password and token."),
      ),
      password: v.optional(
        v.object({ user: v.object({ ...named, domain: v.optional(Named), password: text(0, 4096) }) }),
      ),
      token: v.optional(v.object({ id: text(1, 16_384) })),
    }),
    scope: v.optional(
      v.pipe(
        v.object({ project: v.optional(v.object({ ...named, domain: v.optional(Named) })), domain: v.optional(Named) }),
        v.description("A project (by id, or by name: made if it is not there) or the domain; absent: the domain."),
      ),
    ),
  }),
});
export type CreateTokenBody = v.InferOutput<typeof CreateTokenBody>;

export const CreateTokenQuery = v.object({
  nocatalog: v.optional(v.pipe(v.string(), v.description("Anything: the reply has no catalog."))),
});

const Ref = { id: v.string(), name: v.string() };

export const Token = v.object({
  token: v.object({
    methods: v.array(v.string()),
    issued_at: v.pipe(v.string(), v.description("UTC, with six decimals.")),
    expires_at: v.string(),
    user: v.object({ ...Ref, domain: v.object(Ref) }),
    roles: v.array(v.object(Ref)),
    catalog: v.optional(v.array(v.unknown())),
    project: v.optional(v.object({ ...Ref, domain: v.object(Ref) })),
    domain: v.optional(v.object(Ref)),
  }),
});
export type Token = v.InferOutput<typeof Token>;

const Links = v.object({ self: v.string(), next: v.null(), previous: v.null() });

export const ByName = v.object({ name: v.optional(v.pipe(v.string(), v.description("The exact name."))) });

export const Projects = v.object({
  projects: v.array(
    v.object({
      ...Ref,
      domain_id: v.string(),
      parent_id: v.string(),
      enabled: v.boolean(),
      is_domain: v.boolean(),
      description: v.string(),
    }),
  ),
  links: Links,
});

export const Domains = v.object({
  domains: v.array(v.object({ ...Ref, enabled: v.boolean(), description: v.string() })),
  links: Links,
});

export const Users = v.object({
  users: v.array(v.object({ ...Ref, domain_id: v.string(), enabled: v.boolean() })),
  links: Links,
});

export const AvailabilityZones = v.object({
  availabilityZoneInfo: v.array(
    v.object({ zoneName: v.string(), zoneState: v.object({ available: v.boolean() }), hosts: v.null() }),
  ),
});
