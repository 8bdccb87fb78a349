import * as v from "valibot";
import { object, text } from "../http/wire.ts";

/* The part of IAM that clients of SMS use. Source: docs/decisions.md, "Neighbours on the same port". */

const named = { id: v.optional(text(1, 64)), name: v.optional(text(1, 64)) };
const Named = object(named);

/** Unknown members are passed over: IAM has more than is served. */
export const CreateTokenBody = object({
  auth: object({
    identity: object({
      methods: v.pipe(
        v.array(v.picklist(["password", "token"])),
        v.minLength(1),
        v.maxLength(1),
        v.description("One of password and token."),
      ),
      password: v.optional(object({ user: object({ ...named, domain: v.optional(Named), password: text(0, 4096) }) })),
      token: v.optional(object({ id: text(1, 16_384) })),
    }),
    scope: v.optional(
      v.pipe(
        object({ project: v.optional(object({ ...named, domain: v.optional(Named) })), domain: v.optional(Named) }),
        v.description("A project (by id, or by name: made if it is not there) or the domain; absent: the domain."),
      ),
    ),
  }),
});
export type CreateTokenBody = v.InferOutput<typeof CreateTokenBody>;

export const CreateTokenQuery = object({
  nocatalog: v.optional(v.pipe(v.string(), v.description("Anything: the reply has no catalog."))),
});

const Ref = { id: v.string(), name: v.string() };

export const Token = object({
  token: object({
    methods: v.array(v.string()),
    issued_at: v.pipe(v.string(), v.description("UTC, with six decimals.")),
    expires_at: v.string(),
    user: object({ ...Ref, domain: object(Ref) }),
    roles: v.array(object(Ref)),
    catalog: v.optional(v.array(v.unknown())),
    project: v.optional(object({ ...Ref, domain: object(Ref) })),
    domain: v.optional(object(Ref)),
  }),
});
export type Token = v.InferOutput<typeof Token>;

const Links = object({ self: v.string(), next: v.null(), previous: v.null() });

export const ByName = object({ name: v.optional(v.pipe(v.string(), v.description("The exact name."))) });

export const Projects = object({
  projects: v.array(
    object({
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

export const Domains = object({
  domains: v.array(object({ ...Ref, enabled: v.boolean(), description: v.string() })),
  links: Links,
});

export const Users = object({
  users: v.array(object({ ...Ref, domain_id: v.string(), enabled: v.boolean() })),
  links: Links,
});

export const AvailabilityZones = object({
  availabilityZoneInfo: v.array(
    object({ zoneName: v.string(), zoneState: object({ available: v.boolean() }), hosts: v.null() }),
  ),
});
