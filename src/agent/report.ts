/** How a command went. */
export interface Report {
  result: "success" | "fail";
  /** The JSON object the hook has printed, as its text: its numbers travel as they were written. */
  printed?: string | undefined;
  facts: Facts;
}

/** What the agent itself has seen. */
export interface Facts {
  attempt: number;
  exit_code?: number;
  signal?: string;
  duration_ms?: number;
  /** The command that has ended this one. */
  ended_by?: string;
  output_tail?: string;
  error_tail?: string;
  /** Why the server did not take the report as it was. */
  refused?: string;
}

/** The body of updateCommandResult, as text. */
export function reportBody(command_name: string, { result, printed, facts }: Report): string {
  const own = `"ferry_agent":${JSON.stringify(facts)}`;
  const members = printed?.trim().slice(1, -1).trim();
  const detail = members ? `{${members},${own}}` : `{${own}}`;
  return `{"command_name":"${command_name}","result":"${result}","result_detail":${detail}}`;
}

/** The same without what the server may have refused. */
export function minimalReport({ result, facts }: Report, refused: string): Report {
  const { output_tail: _output, error_tail: _error, ...rest } = facts;
  return { result, printed: undefined, facts: { ...rest, refused } };
}
