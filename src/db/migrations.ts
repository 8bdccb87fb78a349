import initial from "../../drizzle/0000_initial.sql" with { type: "text" };
import usersAndTokens from "../../drizzle/0001_users_and_tokens.sql" with { type: "text" };
import smsV3 from "../../drizzle/0002_sms_v3.sql" with { type: "text" };
import severalProcesses from "../../drizzle/0003_several_processes.sql" with { type: "text" };
import flatGrowth from "../../drizzle/0004_flat_growth.sql" with { type: "text" };
import consoleSessions from "../../drizzle/0005_console_sessions.sql" with { type: "text" };

/** In order, as drizzle-kit wrote them; text, so that they travel inside the executable. A test compares the folder. */
export const migrations: readonly { name: string; sql: string }[] = [
  { name: "0000_initial", sql: initial },
  { name: "0001_users_and_tokens", sql: usersAndTokens },
  { name: "0002_sms_v3", sql: smsV3 },
  { name: "0003_several_processes", sql: severalProcesses },
  { name: "0004_flat_growth", sql: flatGrowth },
  { name: "0005_console_sessions", sql: consoleSessions },
];
