// Which folder may import which. The order below is the architecture (docs/architecture.md); the rules are made from it.
// `npm run check:arrows` runs them; scripts/check-arrows.mjs says what is counted beside them.

/** From the top to the ground: each may import what stands to its right, never to its left. */
const floors = ["http", "auth", "db", "core"];

/** Each group may import those before it, never those after it or beside it. */
const features = [
  ["events", "meta"], // these two import no other feature
  ["access"],
  ["agreements"],
  ["migprojects", "templates"],
  ["sources"],
  ["tasks"],
  ["commands"],
  ["actions"],
  ["batches"],
];

/** Programs that use the server by its public interface only. */
const faces = ["client", "cli", "agent", "console"];

/** What is done with a service's data on its own machine: as high as serve.ts, loaded by main.ts alone. */
const upkeep = "upkeep";

const entries = "^src/(main|serve|edge)\\.ts$";
const folder = (names) => `^src/(${[names].flat().join("|")})/`;
const error = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });

const floorRules = floors.map((floor, index) =>
  error(
    `${floor}-only-downwards`,
    `${floor}/ may import ${floors.slice(index + 1).join(", ") || "nothing of ours"}, and nothing above it.`,
    { path: folder(floor) },
    { path: "^src/", pathNot: folder(floors.slice(index)) },
  ),
);

/** Stores read any table, a later feature's too: one statement instead of one for each row. */
const stores = "^src/[^/]+/[a-z-]*store\\.ts$";
const tables = "^src/[^/]+/table\\.ts$";

const featureRules = features.flatMap((group, index) =>
  group.flatMap((feature) => {
    const earlier = features.slice(0, index).flat();
    const allowed = folder([...floors, ...earlier, feature]);
    const comment = `${feature}/ may import ${earlier.join(", ") || "no other feature"}, and the floors below the features.`;
    return [
      error(
        `${feature}-only-earlier-features`,
        comment,
        { path: folder(feature), pathNot: stores },
        { path: "^src/", pathNot: allowed },
      ),
      error(
        `${feature}-store-only-earlier-features`,
        `${comment} Its stores read any table.`,
        { path: `^src/${feature}/[a-z-]*store\\.ts$` },
        { path: "^src/", pathNot: [allowed, tables] },
      ),
    ];
  }),
);

module.exports = {
  forbidden: [
    ...floorRules,
    ...featureRules,

    error(
      "app-only-downwards",
      "app.ts puts the features together; it knows neither the entries nor the faces.",
      { path: "^src/app\\.ts$" },
      { path: [entries, folder(["client", "cli", "agent"])] },
    ),
    error(
      "config-is-a-value",
      "config.ts is read by the entries and handed on as a value: it may import core, and only the top may import it.",
      { path: "^src/", pathNot: ["^src/[^/]+\\.ts$", folder(["cli", upkeep])] },
      { path: "^src/config\\.ts$" },
    ),
    error(
      "config-only-core",
      "config.ts may import core only.",
      { path: "^src/config\\.ts$" },
      { path: "^src/", pathNot: folder("core") },
    ),
    error(
      "nobody-imports-an-entry",
      "main.ts, serve.ts and edge.ts are where the arrows begin (main.ts may hand over to serve.ts).",
      { path: "^src/", pathNot: "^src/main\\.ts$" },
      { path: entries },
    ),
    error("main-is-not-imported", "main.ts is started, never imported.", {}, { path: "^src/main\\.ts$" }),
    error(
      "every-folder-has-its-place",
      "A folder of src/ that this file does not know has no arrows yet: give it a place above.",
      {},
      { path: "^src/[^/]+/", pathNot: folder([...floors, ...features.flat(), ...faces, upkeep]) },
    ),

    // Upkeep
    error(
      "upkeep-only-main",
      "The verbs of upkeep/ belong to the executable: main.ts alone knows them.",
      { path: "^src/", pathNot: ["^src/main\\.ts$", folder(upkeep)] },
      { path: folder(upkeep) },
    ),
    error(
      "upkeep-knows-no-routes",
      "upkeep/ works on settings, files and the database: of the features it may know what they seal, of the top what serve.ts knows, of cli/ what makes a verb.",
      { path: folder(upkeep) },
      {
        path: "^src/",
        pathNot: [
          folder([upkeep, "cli", "core", "db", "access", "templates"]),
          "^src/(config|data-folder|listen|load-driver|version)\\.ts$",
        ],
      },
    ),

    // Faces
    error(
      "client-only-core-and-types-of-app",
      "client/ may import core, and from app.ts its type: at run time a face knows the server by HTTP alone.",
      { path: folder("client") },
      { path: "^src/", pathNot: [folder(["client", "core"]), "^src/app\\.ts$"] },
    ),
    error(
      "client-app-type-only",
      "client/ takes only types from app.ts.",
      { path: folder("client") },
      { path: "^src/app\\.ts$", dependencyTypesNot: ["type-only"] },
    ),
    ...["cli", "agent", "console"].map((face) =>
      error(
        `${face}-only-client-and-core`,
        `${face}/ may import client and core only.`,
        { path: folder(face) },
        {
          path: "^src/",
          pathNot: [folder([face, "client", "core"]), ...(face === "cli" ? ["^src/config\\.ts$"] : [])],
        },
      ),
    ),
    error(
      "only-main-serve-and-upkeep-import-cli",
      "The command line belongs to the executable.",
      { path: "^src/", pathNot: ["^src/(main|serve)\\.ts$", folder(["cli", upkeep])] },
      { path: folder("cli") },
    ),
    error(
      "features-and-floors-know-no-face",
      "Faces are built upon the server, not into it (app.ts may serve the console's bundle).",
      { path: "^src/[^/]+/", pathNot: folder([...faces, upkeep]) },
      { path: folder(faces) },
    ),

    // Rooms of a feature
    error(
      "routes-know-no-storage",
      "sms.ts, operate.ts and iam.ts call the service; SQL is one room further.",
      { path: "^src/[^/]+/([a-z-]*sms|operate|iam)\\.ts$" },
      { path: "^src/[^/]+/([a-z-]*store|table)\\.ts$" },
    ),
    error(
      "tables-are-the-stores",
      "table.ts is for store.ts, for other tables' references, and for a feature's setup.ts.",
      { path: "^src/", pathNot: "^src/[^/]+/([a-z-]*store|table|setup)\\.ts$" },
      { path: "^src/[^/]+/table\\.ts$" },
    ),
    error(
      "store-of-another-feature",
      "Another feature's rows are reached by its service.",
      { path: "^src/([^/]+)/" },
      { path: "^src/[^/]+/[a-z-]*store\\.ts$", pathNot: "^src/$1/" },
    ),

    // What the same app on another runtime does not have
    error(
      "files-and-bun-are-handed-in",
      "node:fs and bun:* exist in main.ts, serve.ts, listen.ts, data-folder.ts, core/private-file.ts, db/, cli/, agent/ and upkeep/ only; everything else gets what it needs handed in.",
      {
        path: "^src/",
        pathNot: [
          "^src/(main|serve|listen|data-folder|core/private-file)\\.ts$",
          folder(["db", "cli", "agent", upkeep]),
        ],
      },
      { path: "^((node:)?fs(/|$)|bun$|bun:)", dependencyTypes: ["core"] },
    ),

    // Packages
    error(
      "no-dev-dependency",
      "What src/ imports must be there with `npm ci --omit=dev`. (Type imports are gone by then.)",
      { path: "^src/" },
      { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
    ),
    error(
      "swagger-ui-only-in-meta",
      "The API browser's files belong to meta/.",
      { path: "^src/", pathNot: folder("meta") },
      { path: "(^|/)node_modules/swagger-ui-dist/" },
    ),
    error(
      "no-unlisted-package",
      "Only packages that package.json names: one that is merely there may be gone with the next install.",
      { path: "^src/" },
      { dependencyTypes: ["npm-no-pkg", "npm-unknown"] },
    ),
    error("no-unresolvable", "The import leads nowhere.", { path: "^src/" }, { couldNotResolve: true }),
    error(
      "relative-imports-only",
      "Our own files are imported by relative path, with .ts, so that every runtime finds them without a map.",
      { path: "^src/" },
      { dependencyTypes: ["aliased", "aliased-tsconfig", "aliased-subpath-import", "aliased-workspace"] },
    ),
    error(
      "src-alone",
      "src/ is what runs: tests, benchmarks and tools import it, never the other way.",
      { path: "^src/" },
      { path: "^(test|bench|scripts|dist|types)/" },
    ),

    // Shape
    error(
      "no-circular",
      "A circle has no ground floor. (Types may refer to each other.)",
      { path: "^src/" },
      {
        circular: true,
        viaOnly: { dependencyTypesNot: ["type-only"] },
      },
    ),
    error(
      "no-orphans",
      "Nobody imports this file and it imports nobody.",
      { path: "^src/", orphan: true, pathNot: ["\\.d\\.ts$", entries] },
      {},
    ),
  ],

  options: {
    // Type imports are arrows too: what a file's types depend on, it depends on.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    // Not packages, whatever a package of that name holds.
    builtInModules: { add: ["bun", "bun:ffi", "bun:jsc", "bun:sqlite", "bun:test"] },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["bun", "import", "default", "types"],
      mainFields: ["module", "main", "types"],
      extensions: [".ts", ".tsx", ".js", ".mjs", ".cjs", ".json", ".d.ts"],
    },
    reporterOptions: {
      ddot: {
        collapsePattern: "^src/[^/]+/|^node_modules/(@[^/]+/[^/]+|[^/]+)",
        filters: { includeOnly: { path: "^src" } },
      },
    },
  },
};
