# ferry in workerd without any cloud, over a libSQL server. Copy this file and dist/edge.js into one folder;
# docs/deploy.md, "Edge: workerd". Settings come from the environment; one that is not set is as if it were not here.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "ferry", worker = .ferry),
    (name = "cron", worker = .cron),
    (name = "schedule", disk = (path = "schedule", writable = true)),
    # Where the libSQL server may be: anywhere. Certificates are checked.
    (name = "network", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true))),
  ],
  # Plain HTTP: a proxy in front speaks TLS.
  sockets = [(name = "http", address = "127.0.0.1:8900", http = (), service = "ferry")],
);

const ferry :Workerd.Worker = (
  modules = [(name = "edge.js", esModule = embed "edge.js")],
  # What the tests run it with. The flag is for the node: modules that the bundle imports.
  compatibilityDate = "2026-08-01",
  compatibilityFlags = ["nodejs_compat"],
  globalOutbound = "network",
  # More settings of `ferry serve` in the same way.
  bindings = [
    (name = "FERRY_DATABASE_URL", fromEnvironment = "FERRY_DATABASE_URL"),
    (name = "FERRY_DATABASE_NAMESPACE", fromEnvironment = "FERRY_DATABASE_NAMESPACE"),
    (name = "FERRY_DATABASE_ADMIN_URL", fromEnvironment = "FERRY_DATABASE_ADMIN_URL"),
    (name = "FERRY_DATABASE_AUTH_TOKEN", fromEnvironment = "FERRY_DATABASE_AUTH_TOKEN"),
    (name = "FERRY_MASTER_KEY", fromEnvironment = "FERRY_MASTER_KEY"),
    (name = "FERRY_BOOTSTRAP_ACCESS_KEY", fromEnvironment = "FERRY_BOOTSTRAP_ACCESS_KEY"),
    (name = "FERRY_BOOTSTRAP_SECRET_KEY", fromEnvironment = "FERRY_BOOTSTRAP_SECRET_KEY"),
    (name = "FERRY_BOOTSTRAP_PROJECT_ID", fromEnvironment = "FERRY_BOOTSTRAP_PROJECT_ID"),
    # The header in which the proxy tells who called, and which it sets whatever the client sent.
    (name = "FERRY_CLIENT_ADDRESS_HEADER", fromEnvironment = "FERRY_CLIENT_ADDRESS_HEADER"),
  ],
);

# Runs the background jobs every minute. A part of workerd that it calls experimental, as are the options it takes.
const cron :Workerd.Worker = (
  modules = [(name = "cron.js", bundled = "/workerd/cron.js")],
  compatibilityDate = "2026-08-01",
  compatibilityFlags = ["service_binding_extra_handlers"],
  bindings = [
    (name = "CRONS", json = "{\"FERRY\":[\"* * * * *\"]}"),
    (name = "FERRY", service = "ferry"),
    (name = "SCHEDULE", durableObjectNamespace = "Schedule"),
  ],
  durableObjectNamespaces = [(className = "Schedule", uniqueKey = "ferry-cron", enableSql = true)],
  durableObjectStorage = (localDisk = "schedule"),
);
