import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Caller, type Ferry, START, startFerry } from "../harness.ts";

let ferry: Ferry;
beforeEach(async () => {
  ferry = await startFerry();
});
afterEach(() => ferry.stop());

const accept = (as: Caller, sent = {}) => ferry.call(as, "POST", "/v3/privacy-agreements", sent);
const flag = async (as: Caller) => (await ferry.call(as, "GET", "/v3/privacy-agreements")).json;

describe("createPrivacyAgreements and showPrivacyAgreements", () => {
  test("one caller accepts for the whole account, and for no other one", async () => {
    expect(await flag("viewer")).toEqual({ flag: false });
    const reply = await accept("agent");
    expect([reply.status, reply.text]).toEqual([200, "{}"]);
    expect([await flag("viewer"), await flag("agent"), await flag("foreign")]).toEqual([
      { flag: true },
      { flag: true },
      { flag: false },
    ]);
    await accept("foreign");
    expect(await flag("foreign")).toEqual({ flag: true });
  });

  test("again, later or at once, changes nothing and records nothing", async () => {
    await accept("operator");
    await ferry.clock.advance(1_000);
    await accept("admin");
    await Promise.all([accept("foreign"), accept("foreign"), accept("foreign")]);
    const [first, second] = await ferry.rows("SELECT accepted_at, actor FROM agreements ORDER BY account_seq");
    expect(first).toEqual({ accepted_at: START, actor: ferry.keys.operator.access_key });
    expect(second).toEqual({ accepted_at: START + 1_000, actor: ferry.keys.foreign.access_key });
    const recorded = await ferry.rows("SELECT actor, at FROM events WHERE type = 'agreement.accepted' ORDER BY seq");
    expect(recorded).toEqual([
      { actor: ferry.keys.operator.access_key, at: START },
      { actor: ferry.keys.foreign.access_key, at: START + 1_000 },
    ]);
  });

  test.each([
    ["broken JSON", "{"],
    ["a list", "[]"],
    ["nothing", ""],
  ])("a body is not looked at: %s", async (_name, text) => {
    expect((await accept("agent", { text, headers: { "content-type": "text/plain" } })).status).toBe(200);
    expect(await flag("agent")).toEqual({ flag: true });
  });

  test("an agent that has no source yet accepts too; a viewer only looks", async () => {
    const { json: enrolment } = await ferry.call("admin", "POST", "/operate/v1/keys", { body: { enrolment: true } });
    expect((await accept("viewer")).status).toBe(403);
    expect(await flag(enrolment)).toEqual({ flag: false });
    expect((await accept(enrolment)).status).toBe(200);
    expect(await flag(enrolment)).toEqual({ flag: true });
  });

  test("survives a restart", async () => {
    await accept("agent");
    await ferry.restart();
    expect(await flag("viewer")).toEqual({ flag: true });
  });
});
