import { describe, expect, test } from "bun:test";
import { readSettings, SettingError, settingInfos } from "../src/config.ts";

const refusal = (...given: Parameters<typeof readSettings>) => {
  try {
    readSettings(...given);
    return "accepted";
  } catch (error) {
    if (error instanceof SettingError) return error.message;
    throw error;
  }
};

describe("readSettings", () => {
  test("defaults", () => {
    expect(readSettings({}, {})).toEqual({
      listen: { hostname: "127.0.0.1", port: 8900 },
      data: "./ferry-data",
      region: "region-1",
      insecure_http: false,
      availability_zones: {},
      service_domain: "ferry.internal",
      agent_config: {},
      connected_within_s: 60,
      deliver_within_s: 86_400,
      finish_within_s: 86_400,
      results_retention_days: 0,
      events_retention_days: 0,
    });
  });

  test("a flag wins over a variable, a variable over the file; an empty text is not set", () => {
    const file = { region: "from-file" };
    expect(readSettings({}, {}, file).region).toBe("from-file");
    expect(readSettings({}, { FERRY_REGION: "from-env" }, file).region).toBe("from-env");
    expect(readSettings({ region: "from-flag" }, { FERRY_REGION: "from-env" }, file).region).toBe("from-flag");
    expect(readSettings({ region: "" }, { FERRY_REGION: "" }, file).region).toBe("from-file");
  });

  test.each([
    ["127.0.0.1:8900", "127.0.0.1", 8900],
    ["[::1]:0", "::1", 0],
    ["localhost:65535", "localhost", 65535],
    [":8900", "0.0.0.0", 8900],
  ])("listen %s", (listen, hostname, port) => {
    expect(readSettings({ listen }, {}).listen).toEqual({ hostname, port });
  });

  test.each([
    [
      { listen: "8900" },
      {},
      '--listen: "8900" is not allowed; it takes HOST:PORT, for example 127.0.0.1:8900 or [::1]:8900',
    ],
    [{ listen: "h:65536" }, {}, '--listen: "h:65536" is not allowed; it takes a port from 0 to 65535'],
    [{}, { FERRY_REGION: "a b" }, 'FERRY_REGION: "a b" is not allowed; it takes 1 to 64 of A-Z a-z 0-9 - _'],
    [
      {},
      { FERRY_RESULTS_RETENTION_DAYS: "1.5" },
      'FERRY_RESULTS_RETENTION_DAYS: "1.5" is not allowed; it takes a whole number of days from 0 (for ever) to 99999',
    ],
    [{ service_domain: "a b" }, {}, '--service-domain: "a b" is not allowed; it takes a domain'],
    [{ agent_config: "{" }, {}, '--agent-config: "{" is not allowed; it takes a JSON object of texts'],
    [{ agent_config: "[]" }, {}, "--agent-config"],
    [{}, { FERRY_AGENT_CONFIG: '{"ecs":"x"}' }, "its members: disktype, mainRegion, obs_domain, cloud_type"],
    [{}, { FERRY_AGENT_CONFIG: '{"ecs_domain":""}' }, "FERRY_AGENT_CONFIG"],
    [{}, { FERRY_AGENT_CONFIG: '{"ecs_domain":1}' }, "FERRY_AGENT_CONFIG"],
    [{}, { FERRY_AGENT_CONFIG: '{"__proto__":"x"}' }, "FERRY_AGENT_CONFIG"],
    [{ database_url: "mysql://x" }, {}, "--database-url"],
    [{}, { FERRY_BOOTSTRAP_PROJECT_ID: "p/1" }, "FERRY_BOOTSTRAP_PROJECT_ID: its value is not allowed"],
  ])("%p %p is refused by name, value and what is allowed", (flags, environment, message) => {
    expect(refusal(flags, environment)).toContain(message);
  });

  test("agent_config is read as JSON", () => {
    const members = { ecs_domain: "ecs.{region}.example.com", disktype: "SSD" };
    expect(readSettings({ agent_config: JSON.stringify(members) }, {}).agent_config).toEqual(members);
  });

  test("a secret's value is never shown, and no flag takes one", () => {
    expect(refusal({}, { FERRY_MASTER_KEY: "hunter2" })).toBe(
      "FERRY_MASTER_KEY: its value is not allowed; it takes 64 hex digits",
    );
    expect(readSettings({ master_key: "0a".repeat(32) }, {}).master_key).toBeUndefined();
    expect(settingInfos.filter(({ flag }) => flag === undefined).map(({ name }) => name)).toEqual([
      "database_auth_token",
      "master_key",
      "bootstrap_access_key",
      "bootstrap_secret_key",
      "bootstrap_project_id",
    ]);
  });

  test("a file with an unknown name is refused", () => {
    expect(refusal({}, {}, { listn: "x" })).toContain(
      "the configuration file has listn, which is no setting: there are listen, data",
    );
  });

  test("every setting says what it is for", () => {
    for (const { description } of settingInfos) expect(description).not.toBe("");
  });
});
