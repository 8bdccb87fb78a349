import * as v from "valibot";

/*
 * Building blocks for the schemas of what goes over the wire. They differ from valibot's own where the contract does:
 * lengths count Unicode characters, whole numbers past 2^53 - 1 are refused, query values are text.
 */

const countCharacters = (value: string) => {
  let count = 0;
  for (const _ of value) count += 1;
  return count;
};

function minCharacters(min: number): v.MinLengthAction<string, number, undefined> {
  const action = v.minLength<string, number>(min);
  return {
    ...action,
    "~run"(dataset, config) {
      // A text of `min` characters has at least `min` units, so only short texts need counting.
      const tooShort = dataset.typed && dataset.value.length < 2 * min && countCharacters(dataset.value) < min;
      return tooShort ? action["~run"]({ typed: true, value: "" }, config) : dataset;
    },
  };
}

function maxCharacters(max: number): v.MaxLengthAction<string, number, undefined> {
  const action = v.maxLength<string, number>(max);
  return {
    ...action,
    "~run"(dataset, config) {
      const tooLong = dataset.typed && dataset.value.length > max && countCharacters(dataset.value) > max;
      return tooLong ? action["~run"](dataset, config) : dataset;
    },
  };
}

/** U+0000 ends a text in the database, half of a surrogate pair is stored as another character: neither comes back. */
const isStorable = (value: string) => !value.includes("\u0000") && value.isWellFormed();

/** Text of `min` to `max` Unicode characters. */
export const text = (min: number, max: number) =>
  v.pipe(
    v.string(),
    minCharacters(min),
    maxCharacters(max),
    v.check(isStorable, "takes text without U+0000 and without halves of surrogate pairs"),
  );

/** Whole number from `min` to `max`; never past 2^53 - 1, which could not be given back unchanged. */
export const integer = (min: number, max: number = Number.MAX_SAFE_INTEGER) =>
  v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(Math.min(max, Number.MAX_SAFE_INTEGER)));

/** The most an int32 of the contract holds. */
export const INT32 = 2147483647;

/** Number, fractions allowed. */
export const decimal = (min: number, max: number) => v.pipe(v.number(), v.minValue(min), v.maxValue(max));

/** Milliseconds since 1970. */
export const time = () => integer(0);

/** Whole number in a query. */
export const queryInteger = (min: number, max: number = Number.MAX_SAFE_INTEGER) =>
  v.pipe(
    v.string(),
    v.regex(/^-?\d{1,16}$/, `takes a whole number from ${min} to ${max}`),
    v.transform(Number),
    integer(min, max),
  );

/** true or false in a query, in any case: clients differ. */
export const queryBoolean = () =>
  v.pipe(
    v.string(),
    v.regex(/^(true|false)$/i, "takes true or false"),
    v.transform((value) => value.toLowerCase() === "true"),
    v.boolean(),
  );

/** Path parameter of every object but the two command operations: unknown is 404, longer is 400. */
export const objectId = () => text(1, 36);

/** A list is an object to JavaScript, and to valibot; on the wire it is not. */
function refusingLists<Schema extends v.GenericSchema>(schema: Schema): Schema {
  return {
    ...schema,
    "~run"(dataset, config) {
      if (!Array.isArray(dataset.value)) return schema["~run"](dataset, config);
      const refused = schema["~run"]({ value: null }, config);
      return {
        ...refused,
        issues: refused.issues?.map((issue) => ({ ...issue, received: "a list" })),
      } as typeof refused;
    },
  };
}

/** A JSON object with these members; it may have others, which are left out. */
export const object = <const Entries extends v.ObjectEntries>(entries: Entries) => refusingLists(v.object(entries));

/** A JSON object with these members and no others. */
export const strictObject = <const Entries extends v.ObjectEntries>(entries: Entries) =>
  refusingLists(v.strictObject(entries));

/** The members that have a value: replies leave the others out. */
export function valued<Members extends object>(
  members: Members,
): { [Name in keyof Members]?: NonNullable<Members[Name]> } {
  const entries = Object.entries(members).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(entries) as { [Name in keyof Members]?: NonNullable<Members[Name]> };
}

/** A free JSON object. v.record and v.looseObject would drop members named constructor or __proto__. */
export const jsonObject = () =>
  v.custom<object>(
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    "takes a JSON object",
  );

/** A page of an operator's list. */
export const pageOf = <const Item extends v.GenericSchema>(item: Item) =>
  v.object({
    items: v.array(item),
    next_cursor: v.pipe(v.nullable(v.string()), v.description("Pass as `cursor` for the next page; null at the end.")),
  });

/** Query members every operator's list has. */
export const pageQuery = {
  limit: v.optional(v.pipe(queryInteger(1, 1000), v.description("Items per page.")), "100"),
  cursor: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{1,15}$/, "takes the next_cursor of an earlier page"),
      v.description("Where the page begins."),
    ),
  ),
  order: v.optional(v.pipe(v.picklist(["newest", "oldest"]), v.description("What comes first.")), "newest"),
};
